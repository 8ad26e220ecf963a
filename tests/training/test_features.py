"""Stage 4's features: the disk that they take is said before, and refused where it is not there."""

import shutil
from types import SimpleNamespace

import pytest

from uss.bin import features

SYSTEMS = ["--systems", "frozen"]


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
