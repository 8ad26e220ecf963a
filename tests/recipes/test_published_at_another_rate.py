"""50 of AudioSet's classes at 44.1 kHz with files in the published layouts, stages 0 to 7, and what
is separated with a model directory of it."""

import csv
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.helpers.recipe_runs import copy_recipe, run
from uss.audio import from_int16, resample, write_wav
from uss.bin import cli
from uss.data.anchor_search import find_anchors
from uss.data.anchor_set import AnchorSet
from uss.data.waveforms import WaveformSet
from uss.labels import audioset_classes
from uss.models import published
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.separation.detection import detect
from uss.separation.model import Model
from uss.tables import ClassRow, Clip, write_table
from uss.writing import read_json

pytestmark = pytest.mark.slow

RATE, SECONDS = 44100, 3.0
SYSTEMS = ("resunet_joint", "mae_aligned")
CHOSEN = np.random.default_rng(0).permutation(527)[:50]  # in no order
NUM_CLIPS = {"train": 3, "dev": 2, "eval": 2}  # each of one of the first two classes
SMALL = [
    f"resample.sample_rate={RATE}",
    f"resample.clip_seconds={SECONDS}",
    "mixtures.num_train=2",
    "mixtures.num_query_per_class=1",
    "mixtures.num_dev_per_class=1",
    "mixtures.num_eval_per_class=1",
    "train.steps=2",
    "train.batch_size=1",
    "train.threads=1",
    "train.warmup_steps=0",
    "evaluate.num_draws=10",
    *(f"{system}.stft.hop_size=441" for system in SYSTEMS),
    *(f"{system}.channels=[4,4,8,8,8,8]" for system in SYSTEMS),
]


def write_clips(data: Path) -> None:
    """Noise with a burst of tones, in a place and at pitches of its own in each clip."""
    audioset = audioset_classes()
    rows = [ClassRow(i, audioset.ids[c], audioset.names[c]) for i, c in enumerate(CHOSEN)]
    write_table(data / "classes.csv", rows, ClassRow)
    for split_number, (split, num) in enumerate(NUM_CLIPS.items()):
        clips = []
        for number in range(num):
            rng = np.random.default_rng([split_number, number])
            time = np.arange(round(SECONDS * RATE)) / RATE
            hertz = rng.uniform(200, 9000, 4)[:, None]
            inside = abs(time - rng.uniform(0.5, 2.5)) < 0.4
            waveform = 0.1 * np.sin(2 * np.pi * hertz * time).sum(axis=0) * inside
            waveform += 0.01 * rng.standard_normal(len(time))
            clip_id = f"{split}_{number}"
            path = data / "raw" / f"{clip_id}.wav"
            write_wav(path, waveform.astype(np.float32), RATE)
            label = audioset.ids[CHOSEN[number % 2]]
            clips.append(Clip(clip_id, str(path), 0.0, SECONDS, label, clip_id))
        write_table(data / split / "clips.csv", clips, Clip)


@pytest.fixture(scope="module")
def finished(published_weights, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("other_rate")
    for path in published_weights.iterdir():
        (folder / path.name).symlink_to(path)
    recipe = copy_recipe("audioset", folder)
    (recipe / "conf" / "pretrained.yaml").write_text(
        "sound_event_detector: ../../panns.pth\n"
        "query_encoder: ../../panns.pth\n"
        "audio_mae: ../../audio_mae.pth\n"
    )
    (recipe / "local" / "prepare.sh").write_text("#!/bin/sh\n")  # the clips are written below
    write_clips(recipe / "data")
    options = ["--nj", "1", "--name", "one", "--systems", " ".join(SYSTEMS)]
    recipe.joinpath("stderr").write_text(run(recipe, *options, overrides=SMALL).stderr)
    yield recipe
    shutil.rmtree(folder)  # more than 600 MB


@pytest.fixture
def recipe(finished, monkeypatch) -> Path:
    monkeypatch.chdir(finished)
    return finished


def test_stages_0_to_7(recipe):
    with open("exp/one/results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["system"] for row in rows} >= set(SYSTEMS)
    assert {row["class_id"] for row in rows} == {audioset_classes().ids[c] for c in CHOSEN[:2]}
    assert all(np.isfinite(float(row["sdri"])) for row in rows)
    assert not Path("data/detector").exists() and not Path("data/amae").exists()


@torch.inference_mode()
def test_anchors_and_embeddings_are_those_of_the_clip_at_32_khz(recipe):
    """Of the published networks on audio that another resampler brought to their rate; the anchors
    count samples of the recipe, and the class's column is its own."""
    detector = published.load_panns("../../panns.pth", Cnn14DecisionLevelMax)
    encoder = published.load_panns("../../panns.pth", Cnn14)
    clips, anchors = WaveformSet("data/eval"), AnchorSet("data/eval")
    assert anchors.sample_rate == RATE and anchors.num_samples == 2 * RATE
    for row, anchor in enumerate(anchors.anchors):
        clip = from_int16(clips.read([clips.names.index(anchor.clip_id)])[0])
        there = torch.from_numpy(resample(clip, RATE, published.SAMPLE_RATE))
        framewise = detector(there[None]).framewise
        column = audioset_classes().index(anchor.class_id)
        (start,), (score,) = find_anchors(framewise[:, :, column], 200, 320)
        assert anchor.score == pytest.approx(score.item(), abs=0.01)
        assert anchor.start_sample / RATE == pytest.approx(start.item() / 32000, abs=0.33)
        assert anchor.start_sample % 441 == 0
        stretch = clip[anchor.start_sample : anchor.start_sample + anchors.num_samples]
        there = torch.from_numpy(resample(stretch, RATE, published.SAMPLE_RATE))
        expected = encoder(there[None]).embedding[0].numpy()
        difference = np.linalg.norm(anchors.embeddings([row])[0] - expected)
        assert difference < 0.03 * np.linalg.norm(expected)


def test_a_recording_is_separated_by_class_and_by_example(recipe):
    model = "exp/one/resunet_joint"
    name = audioset_classes().names[CHOSEN[0]]
    options = ["--class", name, "--query", "data/raw/train_0.wav", "--confidence"]
    cli.main(["separate", "data/raw/eval_0.wav", "--model", model, *options])
    outputs = read_json(Path("separated/eval_0/separation.json"))["outputs"].values()
    assert len(outputs) == 2
    assert all(-1 <= value <= 1 for output in outputs for value in output["confidence"])
    heard = detect(Model(model), Path("data/raw/eval_0.wav"), 0.0)  # everything, all the time
    assert len(heard) == 50
    assert {(one.start_seconds, one.end_seconds) for one in heard} == {(0, 3)}
