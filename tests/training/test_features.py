"""Stage 4's features: the disk that they take is said before, and refused where it is not there."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from uss.bin import features, train
from uss.config import load
from uss.data.feature_set import FeatureSet
from uss.data.mixing import mix
from uss.data.mixture_list import training_list
from uss.data.waveforms import WaveformSet
from uss.model_store.loading import load_separator
from uss.model_store.model_config import read_config
from uss.schema import SeparatorTraining, System
from uss.tables import Mixture, read_table, write_table
from uss.training.separation_task import SeparationTask

SYSTEMS = ["--systems", "frozen"]
AUGMENTED = {
    "gain_db": 6,
    "polarity": True,
    "shift_seconds": 0.2,
    "tilt_db": 6,
    "speed": 0.1,
}
AUGMENTATION = [
    f"--set=train.augmentation.{key}={str(value).lower()}" for key, value in AUGMENTED.items()
]


def with_free_disk(num_bytes, monkeypatch):
    monkeypatch.setattr(features.shutil, "disk_usage", lambda path: SimpleNamespace(free=num_bytes))


@pytest.fixture
def folder(amae):
    """The features' folder, empty, of 30 mixtures in parts of 10."""
    (found,) = (amae / "data" / "features").glob("aligned_*/train")
    written = {path.name: path.read_bytes() for path in found.glob("*.h5")}
    assert len(written) == 3
    size = sum(map(len, written.values()))
    shutil.rmtree(found)
    return SimpleNamespace(path=found, num_bytes=size)


def test_less_disk_than_needed_is_refused_before_anything_is_written(folder, monkeypatch):
    with_free_disk(1000, monkeypatch)
    with pytest.raises(ValueError, match="features of 30 mixtures take .* make room"):
        features.main(SYSTEMS)
    assert not folder.path.exists()


def test_the_need_is_that_of_the_parts_that_are_not_there(folder, monkeypatch, caplog):
    caplog.set_level("INFO")
    with_free_disk(folder.num_bytes, monkeypatch)  # HDF5's own bytes are the only slack
    features.main(SYSTEMS)
    assert sum("the features of 30 mixtures take" in message for message in caplog.messages) == 1
    (folder.path / "part_0001.h5").unlink()
    features.main(SYSTEMS)
    assert any("the features of 10 mixtures take" in message for message in caplog.messages)
    with_free_disk(0, monkeypatch)
    features.main(SYSTEMS)  # nothing to write, nothing to refuse


def test_every_shard_counts_all_shards_parts(folder, monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setenv("NUM_SHARDS", "3")
    monkeypatch.setenv("SHARD", "2")
    features.main(SYSTEMS)
    assert any("the features of 30 mixtures take" in message for message in caplog.messages)
    assert [path.name for path in folder.path.glob("*.h5")] == ["part_0001.h5"]


def cached(system):
    return FeatureSet("data", system).read(range(30))


@pytest.mark.slow
def test_cached_features_are_of_the_augmented_mixtures(amae, caplog):
    """Those that stage 5 makes, and another shard's, and nothing else's."""
    system = load("conf", "systems/frozen", System)
    training = load("conf", "train", SeparatorTraining, [word[6:] for word in AUGMENTATION])
    before = cached(system)
    with pytest.raises(ValueError, match=r"changed setting: augmentation .*; stage 4 writes it"):
        train.main(["--name=one", *SYSTEMS, "--set=train.augmentation.gain_db=3"])
    train.main(["--name=plain", *SYSTEMS, "--set=train.steps=2"])
    with pytest.raises(ValueError, match=r"changed input: waveforms .*; stage 4 writes it"):
        train.main(["--name=one", *SYSTEMS, *AUGMENTATION])
    features.main([*SYSTEMS, *AUGMENTATION])
    assert np.abs(cached(system) - before).mean() > 0.05
    train.main(["--name=one", *SYSTEMS, *AUGMENTATION, "--set=train.steps=2"])
    model = load_separator(Path("exp/one/frozen")).separator
    mixtures = training_list(train.MIXTURES, Path("data/train"), training.augmentation)
    task = SeparationTask(model, mixtures, None, training, torch.device("cpu"))
    batches = [task.batch(step) for step in range(9)]
    whole = {name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]}
    rows = whole["rows"]
    signals = (torch.from_numpy(whole[name]) for name in ("target", "interferer"))
    with torch.no_grad():
        live = model.amae(mix(*signals, system.normalization).mixture).numpy()
    assert set(rows) == set(range(30))
    np.testing.assert_allclose(cached(system)[rows], live, rtol=2**-11, atol=1e-5)
    with pytest.raises(ValueError, match=r"changed input: waveforms .*; stage 4 writes it"):
        train.main(["--name=plain", *SYSTEMS, "--set=train.steps=2"])
    caplog.set_level("INFO")
    caplog.clear()
    features.main([*SYSTEMS, *AUGMENTATION])
    assert sum(message.startswith("skip data/features") for message in caplog.messages) == 3
    features.main(SYSTEMS)
    assert np.array_equal(cached(system), before)
    train.main(["--name=plain", *SYSTEMS, "--set=train.steps=2"])  # nothing has changed


def test_features_of_another_list_of_as_many_mixtures_are_refused(amae):
    rows = read_table(train.MIXTURES, Mixture)
    write_table(
        train.MIXTURES,
        [
            row._replace(target_anchor=row.interferer_anchor, interferer_anchor=row.target_anchor)
            for row in rows
        ],
        Mixture,
    )
    with pytest.raises(ValueError, match="changed input: mixtures; stage 4 writes it"):
        train.main(["--name=one", *SYSTEMS])


def test_stage_5_does_not_ask_for_the_size_of_the_parts(amae):
    train.main(["--name=one", *SYSTEMS, "--set=train.steps=1", "--set=amae.mixtures_per_part=7"])


def test_features_of_another_amae_are_refused(amae):
    Path("other.pth").write_bytes(b"others' weights")
    with pytest.raises(ValueError, match="changed input: audio_mae; stage 4 writes it"):
        train.main(["--name=one", *SYSTEMS, "--set=pretrained.audio_mae=other.pth"])


def test_clips_are_an_input_where_they_are_heard(amae):
    options = ["--set=train.augmentation.speed=0.1", "--set=train.steps=1"]
    train.main(["--name=one", "--systems=resunet", *options])
    inputs = read_config(Path("exp/one/resunet"))["inputs"]
    assert inputs["waveforms"] == WaveformSet("data/train").packed.digest
    train.main(
        ["--name=two", "--systems=resunet", "--set=train.augmentation.gain_db=3", options[1]]
    )
    assert "waveforms" not in read_config(Path("exp/two/resunet"))["inputs"]
