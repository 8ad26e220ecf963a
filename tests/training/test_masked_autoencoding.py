import numpy as np
import pytest
import torch

from uss.bin import train_amae
from uss.data.mixing import mix
from uss.data.packed import part_path, write_part
from uss.data.waveforms import WaveformSet
from uss.layout import AMAE
from uss.model_store.loading import load_amae
from uss.model_store.log_file import read_log
from uss.model_store.model_config import read_config
from uss.schema import Amae, Anchors, Training
from uss.training.masked_autoencoding import Segments, shown

SYSTEMS = ["--systems", "resunet", "frozen"]


@pytest.mark.slow
def test_the_amae_learns_and_loads_with_its_measured_statistics(recipe):
    train_amae.main(SYSTEMS)
    lines = read_log(AMAE / "train.jsonl")
    assert lines[-1]["loss"] < 0.9 * lines[0]["loss"]
    assert lines[-1]["dev_loss"] < lines[0]["loss"]
    model = load_amae(AMAE).model
    config = read_config(AMAE)
    assert config["model"]["mean"] is None
    assert (model.mean, model.std) == (config["facts"]["model"]["mean"], model.std)
    assert -15 < model.mean < 0 and 0.5 < model.std < 8


def test_given_statistics_are_kept(recipe):
    values = ("model.mean=-4.0", "model.std=2.5", "training.steps=1")
    train_amae.main([*SYSTEMS, *(f"--set=amae.{value}" for value in values)])
    model = load_amae(AMAE).model
    assert (model.mean, model.std) == (-4.0, 2.5)


def test_a_rate_to_which_resampling_would_take_hours(recipe):
    with pytest.raises(ValueError, match="A-MAE's sample_rate 15991 has hardly a common divisor"):
        train_amae.main([*SYSTEMS, "--set=amae.model.sample_rate=15991"])


def test_skipped_where_nobody_needs_it(recipe, caplog):
    caplog.set_level("INFO")
    train_amae.main(["--systems", "resunet"])
    train_amae.main([*SYSTEMS, "--set=pretrained.audio_mae=data/amae.pth"])
    assert "none of the systems uses an A-MAE" in caplog.text
    assert "pretrained.yaml names its weights, data/amae.pth" in caplog.text
    assert not AMAE.exists()


def test_unlabelled_audio_counts_as_an_input(recipe):
    train_amae.main([*SYSTEMS, "--set=amae.training.steps=1"])
    (recipe / "data" / "unlabelled").symlink_to(recipe / "data" / "dev")
    with pytest.raises(ValueError, match="inputs.unlabelled"):
        train_amae.main([*SYSTEMS, "--set=amae.training.steps=1"])


def write_clips(folder, levels, num_samples=8000):
    """Clips of constant level, by which a segment tells where it came from."""
    waveform = np.repeat(np.array(levels, np.int16)[:, None], num_samples, axis=1)
    datasets = {
        "audio_name": [str(level) for level in levels],
        "waveform": waveform,
        "target": np.ones((len(levels), 1), bool),
    }
    write_part(part_path(folder / "waveforms", 0), datasets, sample_rate=16000)
    return WaveformSet(folder)


def test_segments_come_from_all_clips_alike_and_never_from_silence(tmp_path):
    sets = [
        write_clips(tmp_path / "train", [3277, 0, 6554]),
        write_clips(tmp_path / "unlabelled", [0, 9830]),
    ]
    segments = Segments(sets, Anchors(segment_seconds=0.1), seed=3)
    batch = segments.batch(7, size=300)
    assert batch.shape == (300, 1600) and batch.dtype == np.float32
    levels, counts = np.unique(batch.max(axis=1).round(2), return_counts=True)
    assert levels.tolist() == pytest.approx([0.1, 0.2, 0.3])
    assert counts.min() > 70
    assert np.array_equal(batch, segments.batch(7, size=300))
    assert not np.array_equal(batch, segments.batch(8, size=300))


def test_segments_start_anywhere(tmp_path):
    clips = write_clips(tmp_path, [1], num_samples=5)
    ramp = np.arange(1, 6, dtype=np.int16) * 1000
    clips.read = lambda rows: ramp[None]
    segments = Segments([clips], Anchors(segment_seconds=3 / 16000), seed=0)
    starts = (segments.batch(0, size=100)[:, 0] * 32.767).round()
    assert set(starts) == {1, 2, 3}


def test_a_part_of_a_batch_is_mixed_at_equal_energy_and_all_peak_at_one(tmp_path):
    clips = write_clips(tmp_path, [1], num_samples=800)
    noise = np.random.default_rng(0).integers(-9000, 9000, 800).astype(np.int16)
    clips.read = lambda rows: noise[None]
    segments = Segments([clips], Anchors(segment_seconds=0.01), seed=0)
    amae = Amae(Training(steps=1, batch_size=8), mixed_fraction=0.25)
    batch = shown(segments, amae, 3)
    assert torch.allclose(batch.abs().amax(dim=1), torch.ones(8))
    single = torch.from_numpy(segments.batch(3, size=8))
    scaled = single / single.abs().amax(dim=1, keepdim=True)
    assert torch.equal(batch[2:], scaled[2:])
    partners = torch.from_numpy(segments.batch(3, 1, size=2))
    mixed = mix(single[:2], partners, "joint").mixture
    assert torch.allclose(batch[:2], mixed) and not torch.allclose(batch[:2], scaled[:2])
    assert torch.equal(batch, shown(segments, amae, 3))
