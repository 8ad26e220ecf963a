"""A batch with values that are not finite, through the entry points of stages 4 and 5."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from uss.bin import train, train_amae
from uss.bin import train_detector as train_detector
from uss.config import load
from uss.data.feature_set import FeatureSet
from uss.files import digest, meta_path, read_json, write_json
from uss.layout import AMAE
from uss.model_store import checkpoint
from uss.model_store.log_file import read_log
from uss.model_store.model_config import checkpoints
from uss.schema import System
from uss.training.masked_autoencoding import Segments

OPTIONS = ["--name=one", "--systems=frozen"]


def poison(recipe, rows: list[int]) -> None:
    """NaN in the cached features of these rows of the training list, as if computed so."""
    system = load(recipe / "conf", "systems/frozen", System, [])
    features = FeatureSet(recipe / "data", system)
    for path, part in zip(features.packed.paths, features.packed.part_rows(), strict=True):
        with h5py.File(path, "r+") as file:
            for row in set(rows) & set(part):
                file["features"][row - part.start] = np.nan
        record = read_json(meta_path(path))
        meta_path(path).unlink()
        stat = path.stat()
        record["output"] = {
            "digest": digest(path),
            "size": stat.st_size,
            "mtime_ns": stat.st_mtime_ns,
        }
        write_json(meta_path(path), record)


def test_a_few_are_skipped_and_kept(amae, caplog):
    poison(amae, [9])  # of a list of 30: batches of 4, so steps 2 and 9 and 17 of 20
    train.main(OPTIONS)
    directory = amae / "exp" / "one" / "frozen"
    state = checkpoint.load_newest(directory)
    steps = [step for step in range(20) if 9 in [row % 30 for row in range(4 * step, 4 * step + 4)]]
    assert (state["step"], state["num_skipped"]) == (20, len(steps))
    assert all(np.isfinite(tensor.numpy()).all() for tensor in state["model"].values())
    for step in steps:
        path = directory / "skipped" / f"step_{step:08d}.npz"
        assert str(path.relative_to(amae)) in caplog.text
        with np.load(path) as kept:
            (row,) = np.flatnonzero(np.isnan(kept["features"]).any(axis=(1, 2)))
            assert kept["rows"][row] == 9
            assert {"target", "interferer", "embedding", "probabilities"} <= set(kept)


def test_too_many_stop_the_training_and_nothing_is_written_over(amae):
    train.main([*OPTIONS, "--set=train.steps=3"])
    directory = amae / "exp" / "one" / "frozen"
    before = checkpoint.load_newest(directory)
    poison(amae, list(range(30)))
    with pytest.raises(ValueError, match="was trained with other settings or inputs: .*features"):
        train.main([*OPTIONS, "--set=train.steps=20"])
    message = r"the loss of step 10 is not finite, after 10 .*skipped/step_00000010.npz"
    with pytest.raises(ValueError, match=message):
        train.main(["--name=two", "--systems=frozen"])
    assert checkpoints(amae / "exp" / "two" / "frozen") == []
    assert read_log(amae / "exp" / "two" / "frozen" / "train.jsonl") == []
    after = checkpoint.load_newest(directory)
    assert all((before["model"][key] == after["model"][key]).all() for key in before["model"])


def test_a_detector_that_diverges_skips_its_batches_and_stops(recipe):
    """Its probabilities are NaN from the second step on, which the loss itself would refuse."""
    with pytest.raises(ValueError, match=r"the loss of step 11 is not finite, after 10 .*skipped/"):
        train_detector.main(["--set=detector.training.learning_rate=9e29"])
    assert len(list(Path("data/detector/skipped").glob("step_*.npz"))) == 11  # and the last one


def test_a_pretraining_of_the_amae_goes_on(recipe, monkeypatch, caplog):
    """Packed clips are integers: what is not finite comes from a broken disk or memory."""
    batch = Segments.batch

    def broken_at_step_2(segments, *index, size):
        waveform = batch(segments, *index, size=size)
        if index == (2,):
            waveform[1, 100] = np.nan
        return waveform

    monkeypatch.setattr(Segments, "batch", broken_at_step_2)
    given = ["model.mean=-4.0", "model.std=2.5", "training.steps=5"]
    train_amae.main(["--systems", "frozen", *(f"--set=amae.{value}" for value in given)])
    state = checkpoint.load_newest(AMAE)
    assert (state["step"], state["num_skipped"]) == (5, 1)
    assert all(np.isfinite(tensor.numpy()).all() for tensor in state["model"].values())
    assert "step 2: loss or gradient is not finite; the batch is skipped" in caplog.text
    with np.load(AMAE / "skipped" / "step_00000002.npz") as kept:
        assert kept["waveform"].shape == (4, 8000)
        assert np.isnan(kept["waveform"]).any(axis=1).tolist() == [False, True, False, False]
