"""HDF5 files are opened in one place, on any disk, and nothing but a plain dataset is read."""

import errno
import os
import re
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from uss import hdf5
from uss.data.packed import write_part
from uss.data.packed_clips import PackedClips

ROOT = Path(__file__).parents[2]
CODE = (
    "import sys, numpy as np; from uss.data.packed import Packed, write_part;"
    "write_part(sys.argv[1] + '/part_0000.h5', {'a': np.arange(6.0)}, rate=1);"
    "print(Packed(sys.argv[1], stage=1).read('a', range(6)).sum())"
)


def test_there_is_one_place_that_opens():
    """Which decides on locking."""
    sources = [*ROOT.glob("uss/**/*.py"), *ROOT.glob("egs/*/local/*.py")]
    found = {path.name for path in sources if re.search(r"\bh5py\b", path.read_text())}
    assert found == {"hdf5.py"}


def test_a_disk_that_cannot_lock(tmp_path):
    shim = tmp_path / "shim.so"
    source = ROOT / "tests" / "fixtures" / "cases" / "lockshim.c"
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", shim, source], check=True)
    done = subprocess.run(
        [sys.executable, "-c", CODE, tmp_path],
        env={**os.environ, "LD_PRELOAD": str(shim), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (0, "15.0\n"), done.stderr


@pytest.mark.parametrize("num", [10, 4000, 76_000, 1_000_000])
def test_a_full_disk(tmp_path, num):
    """HDF5 itself ends with a segmentation fault where the disk is full at the wrong moment."""
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=152k", "tmpfs", disk], check=True)
    try:
        values = np.arange(num).astype(np.int16)
        if num < 76_000:
            write_part(disk / "a.h5", {"a": values, "b": values})
            return
        with pytest.raises(OSError) as caught:
            write_part(disk / "a.h5", {"a": values, "b": values})
        assert caught.value.errno == errno.ENOSPC
        assert caught.value.filename == str(disk / "a.h5")
        assert not list(disk.iterdir())
    finally:
        subprocess.run(["umount", disk], check=True)


def test_what_does_not_open(tmp_path):
    missing = tmp_path / "a.h5"
    with pytest.raises(ValueError, match=r"a\.h5 is missing; do this"):
        hdf5.Reader(missing, "do this")
    with pytest.raises(ValueError, match="not a file; do this"):
        hdf5.Reader(tmp_path, "do this")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="not a file; do this"):
        hdf5.Reader(tmp_path / "pipe", "do this")
    for content in (b"", b"text", b"\x89HDF\r\n\x1a\n"):
        missing.write_bytes(content)
        with pytest.raises(ValueError, match=r"a\.h5: broken.*; do this"):
            hdf5.Reader(missing, "do this")


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    """It is not called broken."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["a"] = [1]
    monkeypatch.setattr("builtins.open", refuse)
    with pytest.raises(PermissionError):
        hdf5.Reader(tmp_path / "a.h5", "do this")


def refuse(path, *how):
    raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))


def packed_clips(path, **changed):
    """A file of two clips of 8 samples, with some datasets changed."""
    names = np.array([b"Ya.wav", b""], "S20")
    waveform = np.arange(16, dtype=np.int16).reshape(2, 8)
    datasets = {"audio_name": names, "waveform": waveform, "target": np.eye(2, 3, dtype=bool)}
    with h5py.File(path, "w") as file:
        file.attrs["sample_rate"] = np.int32(32000)
        for name, value in datasets.items():
            how = changed.get(name, {"data": value})
            if callable(how):
                how(file, name, value)
            else:
                file.create_dataset(name, **{"data": value, **how})
    return path


def group(file, name, value):
    file.create_group(name)


def cycle(file, name, value):
    file[name] = h5py.SoftLink(f"/{name}")


def other_file(file, name, value):
    with h5py.File(Path(file.filename).with_name("other.h5"), "w") as other:
        other[name] = value
    file[name] = h5py.ExternalLink("other.h5", name)


def virtual(file, name, value):
    layout = h5py.VirtualLayout(value.shape, value.dtype)
    layout[:] = h5py.VirtualSource("other.h5", name, value.shape)
    file.create_virtual_dataset(name, layout)


def outside(file, name, value):
    file.create_dataset(
        name, value.shape, value.dtype, external=[("/etc/passwd", 0, h5py.h5f.UNLIMITED)]
    )


def never_written(file, name, value):
    file.create_dataset(name, (2, 1 << 28), value.dtype)


def bomb(file, name, value):
    file.create_dataset(name, (2, 1 << 28), value.dtype, chunks=(1, 1 << 20), compression="gzip")


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"audio_name": {"dtype": h5py.string_dtype()}}, "audio_name holds values of a kind"),
        (
            {"waveform": {"dtype": h5py.vlen_dtype("i2"), "data": None, "shape": (2, 8)}},
            "of a kind",
        ),
        ({"waveform": {"dtype": ">i2"}}, "waveform holds values of a kind"),
        ({"waveform": {"dtype": "f4"}}, r"waveform is float32 \(2, 8\), expected int16"),
        (
            {"waveform": {"data": np.zeros(2, np.int16)}},
            r"waveform is int16 \(2,\), expected int16",
        ),
        ({"waveform": {"data": np.zeros((2, 0), np.int16)}}, r"waveform is int16 \(2, 0\)"),
        ({"waveform": {"data": np.zeros((3, 8), np.int16)}}, "its datasets differ in length"),
        ({"waveform": group}, "waveform is a group, expected a dataset"),
        ({"waveform": cycle}, "waveform is a link"),
        ({"waveform": other_file}, "waveform is a link, to another place or file"),
        ({"waveform": virtual}, "waveform lies in other files, which are not read"),
        ({"waveform": outside}, "waveform lies in other files, which are not read"),
        ({"waveform": never_written}, "more than [0-9]+ bytes can hold"),
        ({"waveform": bomb}, "more than [0-9]+ bytes can hold"),
        (
            {"audio_name": {"data": np.array([b"\xff", b""], "S20")}},
            "audio_name is not text in UTF-8",
        ),
    ],
)
def test_what_is_refused(tmp_path, changed, message):
    path = packed_clips(tmp_path / "a.h5", **changed)
    with pytest.raises(ValueError, match=rf"a\.h5: .*{message}.*; expected a waveform file"):
        PackedClips(path)


@pytest.mark.parametrize("how", [{}, {"chunks": True}, {"chunks": True, "compression": "lzf"}])
def test_clips_that_others_packed_may_be_chunked(tmp_path, how):
    clips = PackedClips(packed_clips(tmp_path / "a.h5", waveform=how, target=how))
    assert clips.names == ["Ya.wav", ""]
    assert clips.waveform(1).tolist() == list(range(8, 16))
    assert clips.targets([0, 1]).tolist() == np.eye(2, 3, dtype=bool).tolist()


@pytest.mark.parametrize(
    "value, message",
    [
        (None, "the attribute sample_rate cannot be read"),
        (0, "the attribute sample_rate is 0, expected a whole number from 1000 to 1000000"),
        (1 << 40, "expected a whole number"),
        (16000.5, "expected a whole number"),
        (np.nan, "expected a whole number"),
        ("fast", "the attribute sample_rate is 'fast', expected a whole number"),
        ([1, 2], r"the attribute sample_rate is int64 \(2,\), expected a single value"),
        (h5py.Empty("i4"), "expected a single value"),
    ],
)
def test_attributes(tmp_path, value, message):
    path = packed_clips(tmp_path / "a.h5")
    with h5py.File(path, "a") as file:
        del file.attrs["sample_rate"]
        if value is not None:
            file.attrs["sample_rate"] = value
    with pytest.raises(ValueError, match=message):
        PackedClips(path)
