"""What each task keeps of a batch that is not used: all of it, as the loss has it."""

import numpy as np
import pytest
import torch

from tests.helpers import small_networks
from tests.training.toy_task import loss_of
from uss.audio import from_int16
from uss.data.anchor_set import AnchorSet
from uss.data.class_queries import ClassQueries
from uss.data.mixture_list import MixtureList
from uss.data.waveforms import WaveformSet
from uss.models.audio_mae import AudioMae
from uss.schema import Amae, AmaeModel, Anchors, Detector, SeparatorTraining
from uss.training.detector_task import DetectorTask
from uss.training.masked_autoencoding import MaskedAutoencodingTask, Segments, shown
from uss.training.separation_task import SeparationTask

CPU = torch.device("cpu")
TRAINING = SeparatorTraining(steps=1, batch_size=4)


def test_tagging(recipe):
    clips = WaveformSet("data/train")
    task = DetectorTask(torch.nn.Linear(1, 1), clips, clips, Detector(TRAINING), CPU)
    batch = task.batch(3)
    assert batch["rows"].tolist() == task.rows(3)
    assert np.array_equal(batch["waveform"], from_int16(clips.read(task.rows(3))))
    assert np.array_equal(batch["target"], clips.target[task.rows(3)])


def test_tagging_of_mixed_clips(recipe):
    clips = WaveformSet("data/train")
    detector = Detector(TRAINING, mixed_fraction=0.5)
    task = DetectorTask(torch.nn.Linear(1, 1), clips, clips, detector, CPU)
    batch, target = task.batch(3), clips.target[task.rows(3)]
    alone = from_int16(clips.read(task.rows(3)))
    mixed = [alone[0] + alone[1], alone[1] + alone[2], alone[2], alone[3]]
    assert np.array_equal(batch["waveform"], np.stack(mixed))
    assert np.array_equal(
        batch["target"], [target[0] | target[1], target[1] | target[2], target[2], target[3]]
    )
    assert np.array_equal(clips.target[task.rows(3)], target)


def test_tagging_of_clips_at_other_speeds(recipe):
    clips = WaveformSet("data/train")
    detector = Detector(TRAINING, max_speed_octaves=0.5)
    task = DetectorTask(torch.nn.Linear(1, 1), clips, clips, detector, CPU)
    batch, again, alone = task.batch(3), task.batch(3), clips.read(task.rows(3))
    assert np.array_equal(batch["waveform"], again["waveform"])
    assert batch["waveform"].shape == alone.shape and batch["waveform"].dtype == np.float32
    assert all(
        not np.allclose(changed, clip, atol=1e-3)
        for changed, clip in zip(batch["waveform"], from_int16(alone), strict=True)
    )


def test_masked_autoencoding(recipe):
    segments = Segments([WaveformSet("data/train")], Anchors(segment_seconds=0.5), seed=0)
    model = AmaeModel(
        input_frames=128, mel_bins=32, width=16, depth=1, heads=2, decoder_width=16,
        decoder_depth=1, decoder_heads=2, mean=-4.0, std=2.0,
    )  # fmt: skip
    amae = Amae(TRAINING, model)
    task = MaskedAutoencodingTask(AudioMae(model), segments, segments, amae, 16000, CPU)
    (waveform,) = task.batch(3).values()
    assert waveform.shape == (4, 8000) and waveform.dtype == np.float32
    assert np.array_equal(waveform, shown(segments, amae, 3).numpy())
    assert np.isfinite(loss_of(task, 3))


def test_separation(recipe):
    mixtures = MixtureList("data/mixtures/train.csv", AnchorSet("data/train"))
    batch = SeparationTask(small_networks.separator(), mixtures, None, TRAINING, CPU).batch(7)
    assert batch["rows"].tolist() == [28, 29, 0, 1]
    expected = mixtures.batch([28, 29, 0, 1])._asdict()
    assert batch.keys() == {"rows", *expected}
    for name, values in expected.items():
        assert np.array_equal(batch[name], values), name


@pytest.mark.parametrize("query", ["embedding", "at_soft"])
def test_separation_with_queries_of_the_class(recipe, query, monkeypatch):
    """They steer the network, and are what is kept. (What they are: test_class_queries.py.)"""
    mixtures = MixtureList("data/mixtures/train.csv", AnchorSet("data/train"))
    model, seen = small_networks.separator(), []
    model.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[1].numpy()))
    model.system.query_from, model.system.query = "class", query
    size = small_networks.QUERY_SIZE
    monkeypatch.setattr(ClassQueries, "read", lambda _, rows: np.full((len(rows), size), 7.0, "f4"))
    task = SeparationTask(model, mixtures, None, TRAINING, CPU)
    loss_of(task, 3)
    assert np.array_equal(seen[0], np.full((4, size), 7))
    batch, own = task.batch(3), mixtures.batch(task.rows(3))
    field, other = ("embedding", "probabilities")[:: 1 if query == "embedding" else -1]
    assert np.array_equal(batch[field], seen[0])
    assert np.array_equal(batch[other], getattr(own, other))
