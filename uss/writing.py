"""Files that are whole or not there, JSON, and why a disk would not write."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from uss.faults import DISK_ERRORS
from uss.temporaries import sweep, temporary_name

PROBE_BYTES = 2**20  # written to learn why a library could not write


@contextmanager
def atomic(path: Path | str) -> Iterator[Path]:
    """Yield a sibling temporary name; sync and rename it to `path` when the block ends well.

    A reader therefore sees the old file or the new one, never a part. The suffix is kept, since
    libraries choose formats by it.

    What killed processes have left of their own temporaries in that folder goes.

    Raises:
        OSError: with the name `path`, where the disk is full or may not be written to, also where
            the library that writes does not say so (HDF5, libsndfile, torch).
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    sweep(path.parent)
    temporary = temporary_name(path)
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except ValueError:
        raise  # of what is to be written, never of the disk
    except Exception as error:
        number = _errno(error, temporary)
        if number is None:
            raise
        raise OSError(number, os.strerror(number), str(path)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _errno(error: Exception, temporary: Path) -> int | None:
    """Why the system would not write; None where the error is not about that file."""
    if isinstance(error, OSError) and error.errno is not None:
        ours = error.filename == str(temporary)
        return (
            error.errno if ours or (error.filename is None and error.errno in DISK_ERRORS) else None
        )
    said = re.search(r"\berrno = (\d+)", str(error))  # HDF5
    if said and int(said[1]) != 0:
        return int(said[1])
    try:  # libsndfile says "System error", torch "write failed": the disk says it again
        with open(temporary, "ab") as file:
            file.write(bytes(PROBE_BYTES))
            os.fsync(file.fileno())
    except OSError as refused:
        return refused.errno
    return None


def write_text(path: Path | str, text: str) -> None:
    """Write in UTF-8, atomically. A file that holds the text already is left as it is: a second
    run changes nothing."""
    write_bytes(path, text.encode())


def write_json(path: Path | str, value: object) -> None:
    write_bytes(path, to_json(value))


def to_json(value: object) -> bytes:
    """In UTF-8. What no UTF-8 can hold, the bytes of a file's name that is none, becomes JSON's own
    \\udc80 to \\udcff, which reading turns into the same name again."""
    text = json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "backslashreplace")


def write_bytes(path: Path | str, content: bytes) -> None:
    if not Path(path).is_file() or Path(path).read_bytes() != content:
        with atomic(path) as temporary:
            temporary.write_bytes(content)


def link_or_copy(source: Path, target: Path) -> None:
    """A second name of a file, or a copy where the disk has no links. What is written atomically
    under one of the names leaves the other as it was."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.unlink(missing_ok=True)
    try:
        os.link(source, target)
    except OSError:
        with atomic(target) as temporary:
            shutil.copyfile(source, temporary)


def read_json(path: Path | str) -> dict:
    """Raises ValueError, with the path, where the file is no JSON object."""
    try:
        value = json.loads(Path(path).read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise ValueError(f"{path}: not JSON ({error}); remove it and run its stage again") from None
    if not isinstance(value, dict):
        raise ValueError(f"{path}: not a JSON object; remove it and run its stage again")
    return value


def size_of(path: Path) -> int | None:
    """In bytes; None where there is no such file."""
    return path.stat().st_size if path.is_file() else None
