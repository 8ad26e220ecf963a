"""Stage 2's other ways to find anchors: true times, and the loudest stretch; and no embeddings."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.bursts import BURSTS, NUM_SAMPLES, SECONDS, table, waveform, write_bursts
from tests.helpers.tiny_recipe import RATE, SPLITS, Recipe, clip
from uss.bin import anchors, train_detector
from uss.data.anchor_finding import LabelledClips, true_anchors
from uss.data.anchor_loudness import find_loudest
from uss.data.anchor_set import AnchorSet
from uss.data.anchor_warnings import warn_of_several_events
from uss.data.dataset import Dataset
from uss.data.packed import part_path, write_part
from uss.data.waveforms import WaveformSet
from uss.labels import audioset_ancestors, audioset_classes
from uss.model_store import networks
from uss.schema import Anchors
from uss.tables import Anchor, Clip, Event, write_table


@pytest.fixture
def written(recipe, monkeypatch) -> Recipe:
    """Packed clips, a query encoder, and no detector."""
    write_bursts(recipe, monkeypatch)
    monkeypatch.delattr(networks, "load_sound_event_detector")
    (recipe.folder / "conf" / "detector.yaml").unlink()
    recipe.conf("pretrained", query_encoder="cnn14.pth")
    return recipe


def run(method: str) -> None:
    option = f"--set=anchors.method={method}"
    anchors.main([option])
    anchors.main(["--merge", option])


def write_events() -> None:
    for split in SPLITS:
        events = [
            Event("e1", f"{split}_a", "/m/0", 0.2, 0.3, "recording 1"),
            Event("e2", f"{split}_b", "/m/0", 0.75, 0.3, "recording 2"),
            Event("e3", f"{split}_c", "/m/1", 1.9, 0.1, "recording 3"),
        ]
        write_table(f"data/{split}/events.csv", events, Event)


def test_true_times_make_all_anchors(written, caplog):
    write_events()
    run("events")
    for split in SPLITS:
        starts = {anchor_id: row.start_sample for anchor_id, row in table(split).items()}
        assert starts == {"e1": 0.1 * RATE, "e2": 0.65 * RATE, "e3": 1.5 * RATE}
        assert not (written.data / split / "sed_anchors").exists()
        assert len(AnchorSet(f"data/{split}")) == 3
        assert (
            f"{split}: 2 labels of clips have no event in data/{split}/events.csv, and so no "
            f"anchor: {split}_b /m/1, {split}_e /m/0" in caplog.text
        )
    assert table()["e2"] == Anchor("e2", "train_b", "/m/0", 5200, 1.0, "recording 2")
    assert not (written.data / "anchors.json").exists()


def test_true_times_need_a_table(written):
    with pytest.raises(ValueError, match="data/train/events.csv is missing; stage 0 writes it"):
        run("events")


def test_an_anchor_lies_in_what_is_heard_of_its_clip(recipe):
    """... as the detector's do: clips of 0.6 s, packed with silence to 2 s."""
    recipe.classes("/m/0")
    datasets = {
        "audio_name": ["long", "short"],
        "waveform": np.ones((2, 2 * RATE), np.int16),
        "target": np.ones((2, 1), bool),
    }
    write_part(part_path(recipe.data / "train" / "waveforms", 0), datasets, sample_rate=RATE)
    clips = WaveformSet(recipe.data / "train")
    groups = {(name, "/m/0"): "g" for name in clips.names}
    labelled = LabelledClips(clips, ["/m/0"], groups, {"long": 0.6, "short": 0.4})
    events = [Event(name, name, "/m/0", 0.3, 0.1, "g") for name in clips.names]
    found = true_anchors(range(2), labelled, events, Anchors(segment_seconds=0.5))
    assert [anchor.start_sample for _, anchor in found] == [0.1 * RATE, 0]


def test_an_event_in_what_stage_1_cut_off_has_no_anchor(written, caplog):
    for split in SPLITS:
        clips = [row._replace(duration_seconds=9.0) for row in Dataset().clips(split)]
        write_table(f"data/{split}/clips.csv", clips, Clip)
        times = [("e1", 0.2), ("e2", SECONDS), ("e3", 8.0)]
        events = [Event(name, f"{split}_a", "/m/0", at, 0.3, "r") for name, at in times]
        write_table(f"data/{split}/events.csv", events, Event)
    run("events")
    for split in SPLITS:
        assert [row.start_sample for row in table(split).values()] == [0.1 * RATE]
        assert f"{split}: 2 events start after the {SECONDS:g} s that stage 1 keeps" in caplog.text
        assert "have no anchor: e2, e3; raise clip_seconds" in caplog.text


@pytest.mark.parametrize("method", ["events", "loudest"])
def test_an_anchor_that_is_longer_than_the_clips_names_its_key(written, method):
    write_events()
    with pytest.raises(ValueError, match="shorter than an anchor: lower anchors.segment_seconds"):
        anchors.main(
            [f"--set=anchors.method={method}", f"--set=anchors.segment_seconds={SECONDS + 1}"]
        )


def test_the_loudest_stretch_is_the_anchor_of_every_label(written, caplog):
    caplog.set_level(logging.INFO)
    write_events()
    run("loudest")
    found = table("eval")
    assert found.keys() == {"eval_a:000", "eval_b:000", "eval_b:001", "eval_c:001"}
    for name, burst in BURSTS.items():
        for anchor in (row for row in found.values() if row.clip_id == f"eval_{name}"):
            start = anchor.start_sample / RATE
            assert start <= burst and start + 0.5 >= min(burst + 0.3, SECONDS)
            stretch = waveform(burst)[anchor.start_sample :][:NUM_SAMPLES] / 32767
            assert anchor.score == pytest.approx(10 * np.log10(np.mean(stretch**2)), abs=0.006)
    assert found["eval_b:000"].start_sample == found["eval_b:001"].start_sample
    assert found["eval_b:000"].group == "recording 2"
    assert not (written.data / "eval" / "sed_anchors").exists()
    several = [m for m in caplog.messages if "labels of several sounds" in m]
    assert len(several) == 3 and "train: 1 of 5 clips" in several[0] and "train_b" in several[0]
    assert json.loads((written.data / "anchors.json").read_text())["eval"]["hit_rate"] == 0.75
    assert "eval: 75.0 % of the loudest anchors hit a true event" in caplog.text


def test_labels_that_are_ancestors_of_each_other_are_one_sound(recipe, caplog):
    audioset = audioset_classes()
    bark, dog, bell = (
        audioset.ids[audioset.index_of_name(name)] for name in ("Bark", "Dog", "Bell")
    )
    recipe.classes(bark, dog, bell)
    recipe.clips("train", clip("a", f"{bark} {dog}"), clip("b", bell))
    warn_of_several_events(Dataset(), "train")
    assert not caplog.messages
    recipe.clips("train", clip("a", f"{bark} {dog} {bell}"), clip("b", bell))
    warn_of_several_events(Dataset(), "train")
    assert "1 of 2 clips have labels of several sounds" in caplog.text
    assert dog in audioset_ancestors()[bark] and bark not in audioset_ancestors()[dog]


@pytest.mark.parametrize("num_samples", [1, 7, 50])
def test_the_loudest_stretch_is_that_of_a_plain_search(num_samples):
    rng = np.random.default_rng(num_samples)
    waveforms = (rng.standard_normal((20, 50)) * rng.uniform(0, 9000, (20, 50))).astype(np.int16)
    waveforms[0] = -32768  # its square does not fit 16 or 32 bits with many others
    num_heard = rng.integers(1, 51, 20)
    for row, heard in enumerate(num_heard):
        waveforms[row, heard:] = 0
    starts, levels = find_loudest(waveforms, num_samples, num_heard)
    for row, heard in enumerate(num_heard):
        energies = [
            np.sum(waveforms[row, start : start + num_samples].astype(float) ** 2)
            for start in range(max(heard - num_samples, 0) + 1)
        ]
        assert starts[row] == np.argmax(energies)
        expected = 10 * np.log10(max(energies) / num_samples / 32767**2)
        assert levels[row] == pytest.approx(expected)


def test_silence_and_clips_that_are_too_short():
    starts, levels = find_loudest(np.zeros((1, 9), np.int16), 4, np.array([9]))
    assert starts[0] == 0 and levels[0] == -np.inf
    with pytest.raises(ValueError, match="shorter than an anchor: lower anchors.segment_seconds"):
        find_loudest(np.zeros((1, 9), np.int16), 10, np.array([9]))


def test_another_method_makes_them_anew_and_the_default_is_no_change(written, caplog):
    write_events()
    run("loudest")
    caplog.set_level(logging.INFO)
    run("events")
    assert "run data/train/anchors/part_0000.h5: changed setting: method (loudest -> events)" in (
        caplog.text
    )
    assert "method" not in anchors.settings_of(Anchors())


def test_without_a_query_encoder_anchors_have_no_embeddings(written, caplog):
    written.conf("pretrained")
    run("loudest")
    assert "anchors without embeddings: pretrained.yaml names no query_encoder" in caplog.text
    packed = AnchorSet("data/train")
    assert len(packed) == 4 and not packed.has_embeddings
    assert packed.embeddings([0, 1]).shape == packed.probabilities([0, 1]).shape == (2, 0)
    with pytest.raises(ValueError, match="name a query_encoder in pretrained.yaml"):
        packed.query_size("embedding")


def test_no_detector_and_no_way_to_find_anchors(written):
    for main in (train_detector.main, anchors.main):
        with pytest.raises(ValueError) as caught:
            main([])
        for way in ("method is detected", "method: events", "method: loudest"):
            assert way in str(caught.value)


@pytest.mark.parametrize(
    ("encoder", "reason"),
    [
        ("cnn14.pth", "and pretrained.yaml names the weights of the query encoder"),
        (None, "and without detector.yaml no query encoder is trained"),
    ],
)
def test_no_detector_is_trained_where_none_is_needed(written, caplog, encoder, reason):
    caplog.set_level(logging.INFO)
    written.conf("pretrained", query_encoder=encoder)
    train_detector.main(["--set=anchors.method=loudest"])
    expected = f"skip data/detector: anchors.method loudest needs no detector, {reason}"
    assert caplog.messages == [expected]
    assert not Path("data/detector").exists()
