"""Parts of packed arrays, mapped and read as one table."""

import resource

import h5py
import numpy as np
import pytest

from uss.data.packed import Packed, part_path, write_part

LENGTHS = (3, 0, 4, 1)


@pytest.fixture
def arrays(tmp_path):
    """(folder, whole arrays); the second part is empty."""
    rng = np.random.default_rng(0)
    num = sum(LENGTHS)
    whole = {
        "name": [f"clip {'x' * row}" for row in range(num)],
        "waveform": rng.integers(-999, 999, (num, 5)).astype(np.int16),
        "target": rng.integers(0, 2, (num, 3)).astype(bool),
        "embedding": rng.standard_normal((num, 2, 2)).astype(np.float16),
    }
    start = 0
    for part, length in enumerate(LENGTHS):
        rows = slice(start, start + length)
        datasets = {name: values[rows] for name, values in whole.items()}
        write_part(part_path(tmp_path, part), datasets, sample_rate=8000)
        start += length
    return tmp_path, whole


@pytest.mark.parametrize(
    "rows",
    [range(8), [7, 0, 3, 3, 2], [2], [], np.array([6, 5, 4]), range(2, 4)],
    ids=["all", "any order", "one", "none", "array", "across parts"],
)
def test_rows_are_read_in_the_order_asked_for(arrays, rows):
    folder, whole = arrays
    parts = Packed(folder, stage=1)
    for name in ("waveform", "target", "embedding"):
        found = parts.read(name, rows)
        expected = whole[name][np.asarray(rows, int)]
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
        assert parts.width(name) == expected.shape[1:]


def test_rows_beyond_the_end(arrays):
    with pytest.raises(IndexError):
        Packed(arrays[0], stage=1).read("waveform", [8])


def test_names_lengths_and_attributes(arrays):
    folder, whole = arrays
    parts = Packed(folder, stage=1)
    assert len(parts) == 8
    assert parts.strings("name") == whole["name"]
    assert parts.part_rows() == [range(0, 3), range(3, 3), range(3, 7), range(7, 8)]
    assert parts.attributes == {"sample_rate": 8000}


def test_text_is_utf8(tmp_path):
    names = ["-Ü_1", "日本", ""]
    write_part(part_path(tmp_path, 0), {"name": names})
    assert Packed(tmp_path, stage=1).strings("name") == names


def test_what_is_read_is_a_copy_of_a_map(arrays):
    folder, whole = arrays
    parts = Packed(folder, stage=1)
    parts.read("waveform", [0])[:] = 7
    np.testing.assert_array_equal(parts.read("waveform", [0]), whole["waveform"][:1])
    assert isinstance(parts._part("waveform", 0), np.memmap)


def test_a_part_is_the_same_file_every_time(arrays, tmp_path):
    """Else shards could not be compared."""
    folder, whole = arrays
    first = {name: values[:3] for name, values in whole.items()}
    write_part(tmp_path / "again" / "part_0000.h5", first, sample_rate=8000)
    again = (tmp_path / "again" / "part_0000.h5").read_bytes()
    assert again == part_path(folder, 0).read_bytes()


def test_many_parts_of_many_folders_hold_few_files_open(tmp_path):
    """AudioSet's features alone are 1,000 parts; where least is allowed a process has 256 files."""
    folders = [tmp_path / name for name in ("anchors", "features", "dev")]
    for part in range(100):
        values = np.full((2, 3), part, np.float32)
        for folder in folders:
            write_part(part_path(folder, part), {"a": values, "b": -values})
    rows = np.random.default_rng(0).permutation(200)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        for parts in [Packed(folder, stage=1) for folder in folders]:
            np.testing.assert_array_equal(parts.read("a", rows)[:, 0], rows // 2)
            np.testing.assert_array_equal(parts.read("b", rows)[:, 0], -(rows // 2))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_a_part_that_was_written_again_is_read_again(tmp_path):
    for value in (1, 2):
        write_part(part_path(tmp_path, 0), {"a": np.full((2, 3), value, np.float32)})
        assert (Packed(tmp_path, stage=1).read("a", [0, 1]) == value).all()


def test_no_parts(tmp_path):
    with pytest.raises(ValueError, match=r"waveforms has no parts; stage 1 writes them: ./run.sh"):
        Packed(tmp_path / "waveforms", stage=1)


def test_a_truncated_part(arrays):
    folder, _ = arrays
    path = part_path(folder, 2)
    content = path.read_bytes()
    for length in (len(content) - 1, len(content) // 2, 100, 0):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=r"part_0002\.h5: broken.*; remove it and run stage 1"):
            Packed(folder, stage=1)


def test_a_missing_part_shifts_no_rows(arrays):
    folder, _ = arrays
    part_path(folder, 1).unlink()
    with pytest.raises(ValueError, match=r"part_0001\.h5 is missing; .*stage 1"):
        Packed(folder, stage=1)


def test_parts_of_different_settings(arrays):
    folder, whole = arrays
    path = part_path(folder, 3)
    last = {name: values[-1:] for name, values in whole.items()}
    for datasets, rate in (
        (last, 16000),
        ({**last, "waveform": last["waveform"][:, :4]}, 8000),
        ({**last, "waveform": last["waveform"].astype(np.int32)}, 8000),
        ({name: last[name] for name in ("name", "waveform", "target")}, 8000),
    ):
        write_part(path, datasets, sample_rate=rate)
        with pytest.raises(ValueError, match=r"part_0003\.h5 and .* different settings.* stage 1"):
            Packed(folder, stage=1)
    write_part(path, last, sample_rate=8000)
    assert len(Packed(folder, stage=1)) == 8


def test_compressed_arrays_are_refused(tmp_path):
    with h5py.File(part_path(tmp_path, 0), "w") as file:
        file.create_dataset("a", data=np.zeros((10, 10)), compression="gzip")
    with pytest.raises(ValueError, match="not contiguous"):
        Packed(tmp_path, stage=1)


def test_a_failed_write_leaves_the_old_part(arrays):
    folder, _ = arrays
    before = part_path(folder, 0).read_bytes()
    with pytest.raises(TypeError):
        write_part(part_path(folder, 0), {"a": np.array([object()])})
    assert part_path(folder, 0).read_bytes() == before
    assert len(list(folder.iterdir())) == len(LENGTHS)
