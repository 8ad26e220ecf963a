"""Stage 2 with a detector and an encoder that can be reckoned by hand."""

import hashlib
import json
import logging
import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.bursts import (
    BURSTS,
    HOP,
    NUM_SAMPLES,
    SECONDS,
    table,
    waveform,
    write_bursts,
)
from tests.helpers.tiny_recipe import RATE, SPLITS, clip, run_without_torch
from uss.bin import anchors
from uss.data.anchor_set import AnchorSet
from uss.data.packed import part_path, write_part
from uss.model_store import networks
from uss.schema import Pretrained
from uss.tables import Anchor, Event, write_table

PANNS_DIGEST = networks.panns_digest


@pytest.fixture
def written(recipe, monkeypatch):
    return write_bursts(recipe, monkeypatch)


def run(*options):
    anchors.main(list(options))
    anchors.main(["--merge", *options])


def test_anchors_lie_where_the_class_sounds(written, caplog):
    caplog.set_level(logging.INFO)
    run()
    found = table()
    assert found.keys() == {"train_a:000", "train_b:000", "train_b:001", "train_c:001"}
    for anchor_id, start in (("train_a:000", 0.1), ("train_b:001", 0.65), ("train_c:001", 1.5)):
        assert found[anchor_id].start_sample / RATE == pytest.approx(start, abs=0.11)
        assert found[anchor_id].start_sample % HOP == 0
    assert found["train_c:001"].start_sample + NUM_SAMPLES <= SECONDS * RATE
    row = found["train_b:001"]
    assert (row.clip_id, row.class_id, row.group) == ("train_b", "/m/1", "train_b")
    assert "train: 4 anchors, 1 dropped as silent" in caplog.messages
    assert not (written.data / "anchors.json").exists()


def test_anchors_are_packed_with_their_embeddings(written):
    run()
    packed = AnchorSet("data/train")
    assert (len(packed), packed.sample_rate, packed.num_samples) == (4, RATE, NUM_SAMPLES)
    assert packed.packed.part_rows() == [range(4), range(4, 4)]
    for row, anchor in enumerate(packed.anchors):
        whole = waveform(BURSTS[anchor.clip_id[-1]])
        expected = whole[anchor.start_sample : anchor.start_sample + NUM_SAMPLES]
        np.testing.assert_array_equal(packed.waveforms([row])[0], expected)
        scaled = expected / np.float32(32767)
        level = np.mean(scaled**2)
        np.testing.assert_allclose(packed.embeddings([row])[0], [scaled.max(), level], rtol=1e-5)
        np.testing.assert_allclose(packed.probabilities([row])[0], [level], rtol=1e-5)


def test_true_times_make_the_evaluation_anchors(written):
    """... and the detector's are kept beside them; training has the detector's alone."""
    for split in SPLITS:
        events = [
            Event("e1", f"{split}_b", "/m/0", 0.7, 0.4, "recording"),
            Event("e2", f"{split}_c", "/m/1", 1.9, 0.1, "recording 2"),
            Event("e3", f"{split}_a", "/m/0", 0.0, 0.2, "recording 3"),
        ]
        write_table(f"data/{split}/events.csv", events, Event)
    run()
    true = table("eval")
    assert true == {
        "e1": Anchor("e1", "eval_b", "/m/0", round(0.65 * RATE), 1.0, "recording"),
        "e2": Anchor("e2", "eval_c", "/m/1", round(1.5 * RATE), 1.0, "recording 2"),
        "e3": Anchor("e3", "eval_a", "/m/0", 0, 1.0, "recording 3"),
    }
    assert table("eval", "sed_anchors").keys() == {
        "eval_a:000",
        "eval_b:000",
        "eval_b:001",
        "eval_c:001",
    }
    assert table("eval", "sed_anchors")["eval_b:000"].group == "recording"
    assert table("eval", "sed_anchors")["eval_b:001"].group == "eval_b"  # no event is known
    assert len(AnchorSet("data/eval")) == 3
    assert len(AnchorSet("data/eval", "sed_anchors")) == 4
    assert "train_b:000" in table("train")
    assert not (written.data / "train" / "sed_anchors").exists()
    scores = json.loads((written.data / "anchors.json").read_text())
    assert scores.keys() == set(SPLITS)
    assert scores["eval"]["num_anchors"] == 4
    assert scores["eval"]["hit_rate"] == 0.75


def test_a_segment_of_an_odd_number_of_frames_fits(written):
    for seconds in (0.509, 0.51, 0.506, 0.5012):
        run(f"--set=anchors.segment_seconds={seconds}")
        packed = AnchorSet("data/train")
        assert packed.num_samples == round(seconds * RATE)
        starts = [anchor.start_sample for anchor in packed.anchors]
        assert max(starts) + packed.num_samples <= SECONDS * RATE


def test_clips_shorter_than_a_segment(written):
    with pytest.raises(ValueError, match="shorter than an anchor: lower anchors.segment_seconds"):
        run("--set=anchors.segment_seconds=2.5")


def digests(recipe):
    return {
        str(path.relative_to(recipe.data)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(recipe.data.glob("*/anchors*"))
        for path in ([path] if path.is_file() else sorted(path.glob("*.h5")))
    }


def test_outputs_do_not_depend_on_the_number_of_shards(written, monkeypatch):
    run()
    alone = digests(written)
    assert len(alone) == 3 * 3
    for path in written.data.glob("*/anchors/*"):
        path.unlink()
    monkeypatch.setenv("NUM_SHARDS", "4")
    for shard in (2, 4, 1, 3):
        monkeypatch.setenv("SHARD", str(shard))
        anchors.main([])
    anchors.main(["--merge"])
    assert digests(written) == alone


def test_a_second_run_does_nothing_and_what_changed_runs(written, caplog):
    run()
    caplog.set_level(logging.INFO)

    def rerun(*options):
        caplog.clear()
        anchors.main(list(options))
        return [message for message in caplog.messages if message.startswith("run ")]

    assert rerun() == []
    assert len(caplog.messages) == 6
    assert len(rerun("--set=anchors.silence_dbfs=-50")) == 6
    rerun()
    write_table("data/dev/events.csv", [Event("e", "dev_a", "/m/0", 0.0, 0.2, "g")], Event)
    found = rerun()
    assert len(found) == 4
    assert found[0].startswith("run data/dev/anchors/part_0000.h5: changed input: events")


def test_a_second_run_imports_no_torch(written, monkeypatch):
    monkeypatch.setattr(networks, "panns_digest", PANNS_DIGEST)
    with zipfile.ZipFile("checkpoint", "w") as file:  # what a finished training leaves
        file.writestr("weights", "")
    checkpoint = written.data / "detector" / "checkpoints" / "step_00000001.pt"
    checkpoint.parent.mkdir(parents=True)
    Path("checkpoint").rename(checkpoint)
    (written.data / "detector" / "config.yaml").write_text("training: {steps: 1}")
    run()
    assert run_without_torch("anchors").count("unchanged since") == 6
    run_without_torch("anchors", "--merge")


def test_missing_inputs_name_their_stage(written):
    with pytest.raises(ValueError, match=r"part_0000\.h5: not there yet; stage 2 writes"):
        anchors.main(["--merge"])
    for path in (written.data / "dev" / "waveforms").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="data/dev/waveforms has no parts; stage 1 writes them"):
        anchors.main([])


def test_weights_that_are_not_there(written, monkeypatch):
    monkeypatch.undo()
    monkeypatch.chdir(written.folder)
    with pytest.raises(ValueError, match="data/detector holds no trained model; stage 2 trains it"):
        anchors.main([])
    with pytest.raises(ValueError, match="pretrained.yaml names gone.pth, which is missing"):
        networks.amae_digest(Pretrained(audio_mae="gone.pth"))


def test_a_class_that_loses_all_its_anchors_is_named(written, caplog):
    """Of a class whose clips are silent, beside one that is heard."""
    clips = [clip("train_e", "/m/1")._replace(duration_seconds=SECONDS)]
    written.clips("train", *clips)
    datasets = {
        "audio_name": ["train_e"],
        "waveform": waveform(None)[None],
        "target": np.array([[False, True]]),
    }
    shutil.rmtree(written.data / "train" / "waveforms")
    write_part(part_path(written.data / "train" / "waveforms", 0), datasets, sample_rate=RATE)
    run()
    (message,) = (r.getMessage() for r in caplog.records if "classes have clips" in r.getMessage())
    assert "train: 1 classes have clips and not one of the anchors" in message and "/m/1" in message
