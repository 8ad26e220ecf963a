import errno
import logging
import zipfile

import numpy as np
import pytest
import torch

from uss.checksums import damage
from uss.model_store import checkpoint
from uss.model_store.model_config import checkpoints, steps_done


def save(directory, step):
    return checkpoint.save(directory, {"step": step, "model": {"w": torch.full((1000,), step)}})


def steps(directory):
    return [step for step, _ in checkpoints(directory)]


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_the_newest_two_are_kept_and_the_newest_is_loaded(tmp_path):
    assert checkpoint.load_newest(tmp_path) is None
    for step in (5, 10, 100):
        save(tmp_path, step)
    assert steps(tmp_path) == [10, 100]
    state = checkpoint.load_newest(tmp_path)
    assert state["step"] == 100
    assert torch.equal(state["model"]["w"], torch.full((1000,), 100))


def test_a_truncated_newest_is_passed_over_and_then_replaced(tmp_path, caplog):
    save(tmp_path, 5)
    save(tmp_path, 10)
    truncate(save(tmp_path, 15))
    assert steps_done(tmp_path) == 10
    with caplog.at_level(logging.WARNING):
        assert checkpoint.load_newest(tmp_path)["step"] == 10
    assert "step_00000015.pt does not open" in caplog.text
    save(tmp_path, 12)
    assert steps(tmp_path) == [10, 12]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint"])
def test_none_opens(tmp_path, content):
    save(tmp_path, 5).write_bytes(content)
    with pytest.raises(ValueError, match="remove it and train again"):
        checkpoint.load_newest(tmp_path)


def test_every_flipped_bit_is_noticed_or_changes_nothing(tmp_path):
    """Bits of padding, and of what is written twice, change nothing."""
    path = save(tmp_path, 10)
    whole, weights = path.read_bytes(), checkpoint.read(path, 10)["model"]["w"]
    rng, num_noticed = np.random.default_rng(0), 0
    directory = range(whole.index(b"PK\1\2"), len(whole))  # no checksum covers it
    for position in [*rng.integers(len(whole), size=200), *directory]:
        content = bytearray(whole)
        content[position] ^= 1 << rng.integers(8)
        path.write_bytes(content)
        if damage(path) is not None:
            num_noticed += 1
        else:
            assert torch.equal(checkpoint.read(path, 10)["model"]["w"], weights), position
    assert num_noticed > len(directory)


def test_the_disks_fault_is_not_the_files(tmp_path, monkeypatch):
    """A disk that fails for a moment must not cost the newest steps."""
    save(tmp_path, 5)
    save(tmp_path, 10)

    def failing(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(zipfile.ZipFile, "testzip", failing)
    with pytest.raises(OSError, match="Input/output error"):
        checkpoint.load_newest(tmp_path)


@pytest.mark.parametrize("content", [{"step": 10}, {"step": 9, "model": {}}, [1], {"model": 3}])
def test_another_content_is_passed_over(tmp_path, content):
    save(tmp_path, 5)
    torch.save(content, save(tmp_path, 10))
    assert checkpoint.load_newest(tmp_path)["step"] == 5


def test_names_that_are_none_of_ours(tmp_path):
    save(tmp_path, 5)
    for name in ("step_.pt", "step_x.pt", "step_00000009 (copy).pt", "step_99.pt"):
        (tmp_path / "checkpoints" / name).write_bytes(b"")
    (tmp_path / "checkpoints" / "step_00000007.pt").mkdir()
    assert steps(tmp_path) == [5]


def test_a_flipped_byte_is_noticed(tmp_path):
    save(tmp_path, 5)
    path = save(tmp_path, 10)
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    assert checkpoint.load_newest(tmp_path)["step"] == 5


def test_a_failed_save_leaves_the_old_ones(tmp_path, monkeypatch):
    save(tmp_path, 5)

    def half_a_save(state, file):
        file.write(b"half")
        raise OSError("no space left on device")

    monkeypatch.setattr(torch, "save", half_a_save)
    with pytest.raises(OSError, match="no space"):
        save(tmp_path, 10)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["step_00000005.pt"]


def test_what_a_killed_save_left_is_removed(tmp_path):
    save(tmp_path, 5)
    (tmp_path / "checkpoints" / ".step_00000007.123.tmp.pt").write_bytes(b"half")
    save(tmp_path, 10)
    assert len(list((tmp_path / "checkpoints").iterdir())) == 2
