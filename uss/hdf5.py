"""HDF5 files: the one place where they are opened.

A file is read as data, never trusted: links, virtual and external datasets (bytes of other files),
types and sizes are looked at before anything of them is read. Files are not locked: those that are
written get their name when they are whole, and some disks cannot lock (flock fails there).
"""

import errno
import math
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import h5py
import numpy as np

from uss.files import atomic
from uss.hdf5_disk import Disk

SIGNATURE = b"\x89HDF\r\n\x1a\n"
MAX_NUMBER = 1 << 31  # in an attribute: a rate, a number of samples
MAX_ROW_BYTES = 1 << 30  # of one row of a dataset
MAX_CHUNK_BYTES = 1 << 26  # a chunk is decompressed whole for each row that is read
MAX_CHUNKS_PER_ROW = 1 << 12
MAX_EXPANSION = 1100  # of compressed data: gzip's highest ratio, and a little
# What datasets may hold; HDF5 stores bool as an enumeration, text with a fixed number of bytes.
KINDS = ["bool", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "f2", "f4", "f8"]
DTYPES = [np.dtype(kind) for kind in KINDS]
# What the system refuses, whatever the file holds.
SYSTEM_ERRORS = (errno.EACCES, errno.EPERM, errno.EIO, errno.EMFILE, errno.ENFILE, errno.ESTALE)
HDF5_ERRORS = (OSError, RuntimeError, KeyError, ValueError, TypeError, OverflowError)


class Stored(NamedTuple):
    """How a dataset lies in its file; `offset` in bytes where it lies in one piece, else None."""

    dtype: np.dtype
    shape: tuple[int, ...]
    offset: int | None

    def form(self) -> str:
        """For messages: `float32 (3, 512)`."""
        return f"{'text' if self.dtype.kind == 'S' else self.dtype} {self.shape}"


class Reader:
    """An HDF5 file that is open for reading.

    Args:
        remedy: what the user can do where the file is missing or wrong.

    Raises:
        ValueError: from every method, with file, fault and remedy.
        OSError: the system does not let the file be read.
    """

    def __init__(self, path: Path | str, remedy: str) -> None:
        self.path = Path(path)
        self.remedy = remedy
        self._refuse_no_hdf5()
        with self._faults("it does not open"):
            self._file = h5py.File(self.path, "r", locking=False)

    def __enter__(self) -> "Reader":
        return self

    def __exit__(self, *exception: object) -> None:
        with self._faults("it does not close"):
            self._file.close()

    def fault(self, what: str) -> ValueError:
        return ValueError(f"{self.path}: {what}; {self.remedy}")

    def _refuse_no_hdf5(self) -> None:
        """HDF5 tells faults of the system from those of the file in its messages alone."""
        try:
            status = os.stat(self.path)
            if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
                raise self.fault("not a file")
            with open(self.path, "rb") as file:
                start = 0
                while start < max(status.st_size, 1):
                    file.seek(start)
                    if file.read(len(SIGNATURE)) == SIGNATURE:
                        return
                    start = max(512, 2 * start)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.ENOTDIR):
                raise ValueError(f"{self.path} is missing; {self.remedy}") from None
            if error.errno in SYSTEM_ERRORS:
                raise
            raise self.fault(f"cannot be opened ({error.strerror})") from None
        raise self.fault("broken, or no HDF5 file")

    @contextmanager
    def _faults(self, what: str) -> Iterator[None]:
        """HDF5's errors as ValueError; the system's as what they are."""
        try:
            yield
        except HDF5_ERRORS as error:
            code = getattr(error, "errno", None)
            if code in SYSTEM_ERRORS:
                raise OSError(code, os.strerror(code), str(self.path)) from None
            reason = " ".join(str(error).split())[:200] or type(error).__name__
            raise self.fault(f"broken: {what} ({reason})") from None

    def names(self) -> list[str]:
        """Of what stands at the top."""
        with self._faults("its names cannot be read"):
            return list(self._file)

    def attribute(self, name: str) -> bool | int | float | str:
        """A single value."""
        with self._faults(f"the attribute {name} cannot be read"):
            if name not in self._file.attrs:
                raise KeyError("there is none")
            attribute = self._file.attrs.get_id(name)
            shape, dtype = attribute.shape, attribute.dtype
            is_text = h5py.check_string_dtype(dtype) is not None
            known = shape in ((), (1,)) and (is_text or dtype.kind in "biuf")
        if not known:  # a list of one is what some packers write
            raise self.fault(f"the attribute {name} is {dtype} {shape}, expected a single value")
        with self._faults(f"the attribute {name} cannot be read"):
            value = np.asarray(self._file.attrs[name]).reshape(-1)[0]
            value = value.item() if isinstance(value, np.generic) else value
            return value.decode() if isinstance(value, bytes) else value

    def attributes(self) -> dict[str, Any]:
        with self._faults("its attributes cannot be read"):
            names = list(self._file.attrs)
        return {name: self.attribute(name) for name in names}

    def number(self, name: str, low: int = 1, high: int = MAX_NUMBER) -> int:
        """An attribute that is a whole number in a range."""
        return whole(self.attribute(name), self.path, name, self.remedy, low, high)

    def stored(self, name: str) -> Stored:
        """How a dataset lies in the file, after all checks that need none of its values."""
        with self._faults(f"{name} cannot be found"):
            links, key = self._file.id.links, name.encode()
            exists = links.exists(key)
            is_own = exists and links.get_info(key).type == h5py.h5l.TYPE_HARD
        if not exists:
            raise self.fault(f"lacks {name}")
        if not is_own:
            raise self.fault(f"{name} is a link, to another place or file, expected a dataset")
        with self._faults(f"{name} cannot be opened"):
            dataset = self._file[name]
        if not isinstance(dataset, h5py.Dataset):
            raise self.fault(f"{name} is a {type(dataset).__name__.lower()}, expected a dataset")
        with self._faults(f"{name} cannot be looked at"):
            shape, properties = dataset.shape, dataset.id.get_create_plist()
            dtype = _dtype(dataset)
            layout, chunks = properties.get_layout(), dataset.chunks
            elsewhere = layout == h5py.h5d.VIRTUAL or properties.get_external_count() > 0
            offset = dataset.id.get_offset() if layout == h5py.h5d.CONTIGUOUS else None
        if elsewhere:
            raise self.fault(f"{name} lies in other files, which are not read")
        if dtype is None:
            raise self.fault(
                f"{name} holds values of a kind that is not read here (text of varying length, or "
                "numbers that are not the processor's own)"
            )
        if not shape:
            raise self.fault(f"{name} has no rows")
        stored = Stored(dtype, shape, offset)
        if math.prod(shape[1:]) * dtype.itemsize > MAX_ROW_BYTES:
            raise self.fault(f"{name} is {stored.form()}: a row is larger than 1 GiB")
        if chunks:
            pairs = zip(shape[1:], chunks[1:], strict=True)
            num = math.prod(-(-length // max(chunk, 1)) for length, chunk in pairs)
            if math.prod(chunks) * dtype.itemsize > MAX_CHUNK_BYTES or num > MAX_CHUNKS_PER_ROW:
                raise self.fault(f"{name} is stored in chunks of {chunks}, which are slow to read")
        size, num_bytes = math.prod(shape) * dtype.itemsize, self.path.stat().st_size
        if offset is not None and offset + size > num_bytes:
            raise self.fault(f"broken: the file ends within {name}, {stored.form()}")
        if size > MAX_EXPANSION * num_bytes:
            raise self.fault(f"{name} is {stored.form()}, more than {num_bytes} bytes can hold")
        return stored

    def expect(self, name: str, kinds: str, *sizes: str) -> Stored:
        """`stored` of a dataset of these types (by spaces; `text`) and one size a name given.

        All sizes but the first, the number of rows, must be at least 1.
        """
        stored = self.stored(name)
        refuse_other_form(self.path, self.remedy, name, stored, kinds, *sizes)
        return stored

    def read(self, name: str, rows: int | slice = slice(None)) -> np.ndarray:
        """Values of a dataset that `stored` or `expect` has found good."""
        with self._faults(f"{name} cannot be read"):
            return self._file[name][rows]

    def array(self, name: str, kinds: str, *sizes: str) -> np.ndarray:
        """A whole small dataset that lies in one piece: it cannot be larger than its file."""
        stored = self.expect(name, kinds, *sizes)
        if stored.offset is None and 0 not in stored.shape:
            raise self.fault(f"{name} is not contiguous")
        return self.read(name)

    def strings(self, name: str) -> list[str]:
        values = self.array(name, "text", "rows").tolist()
        return decoded(values, f"{self.path}: {name}", self.remedy)


def whole(value: object, path: Path, name: str, remedy: str, low: int, high: int) -> int:
    """Raises ValueError unless an attribute's value is a whole number from `low` to `high`."""
    if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
        return value
    raise ValueError(
        f"{path}: the attribute {name} is {value!r}, expected a whole number from {low} to {high}; "
        f"{remedy}"
    )


def decoded(values: list[bytes], what: str, remedy: str) -> list[str]:
    """Raises ValueError where a value is no UTF-8."""
    try:
        return [value.decode() for value in values]
    except UnicodeDecodeError as error:
        raise ValueError(f"{what} is not text in UTF-8 ({error.reason}); {remedy}") from None


def refuse_other_form(
    path: Path, remedy: str, name: str, stored: Stored, kinds: str, *sizes: str
) -> None:
    kind = "text" if stored.dtype.kind == "S" else stored.dtype.name
    if kind in kinds.split() and len(stored.shape) == len(sizes) and 0 not in stored.shape[1:]:
        return
    expected = f"{' or '.join(kinds.split())} ({', '.join(sizes)})"
    raise ValueError(f"{path}: {name} is {stored.form()}, expected {expected}; {remedy}")


def _dtype(dataset: h5py.Dataset) -> np.dtype | None:
    """None unless a value in the file is what numpy holds in memory, bit for bit."""
    kind = dataset.id.get_type()
    if isinstance(kind, h5py.h5t.TypeStringID) and not kind.is_variable_str():
        return np.dtype(f"S{kind.get_size()}")
    known = (dtype for dtype in DTYPES if kind == h5py.h5t.py_create(dtype, logical=True))
    return next(known, None)


@contextmanager
def created(path: Path | str) -> Iterator[h5py.File]:
    """A new file to fill, which gets its name when the block has ended well.

    Raises:
        OSError: with the name `path`, where the disk is full or may not be written to.
    """
    with atomic(path) as temporary, open(temporary, "w+b", buffering=0) as raw:
        disk = Disk(raw)
        try:
            with h5py.File(disk, "w") as file:
                yield file
        finally:
            if disk.error is not None:
                raise disk.error
