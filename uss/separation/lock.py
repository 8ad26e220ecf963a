"""One process at a time writes the outputs of a recording."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from uss.separation.names import readable

NAME = ".lock"  # in the folder, while it is written to

logger = logging.getLogger(__name__)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Make a folder and keep others from writing there; wait for one that does. The folder goes
    again where nothing has been written to it.

    On a disk without file locking nobody waits; every process has its own temporary names even so.
    """
    path = folder / NAME
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666)
        except FileNotFoundError:  # the one before has just removed the folder
            continue
        try:
            _wait(number, folder)
            if not _is_file(
                path, number
            ):  # the one before has removed it: the next one has another
                continue
            try:
                yield
            finally:
                path.unlink(missing_ok=True)
                with suppress(OSError):
                    folder.rmdir()
            return
        finally:
            os.close(number)


def _wait(number: int, folder: Path) -> None:
    try:
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.info("%s: another process separates into it; waiting", readable(folder))
        fcntl.flock(number, fcntl.LOCK_EX)
    except OSError as error:
        logger.warning("%s: no file locking on this disk (%s)", readable(folder), error.strerror)


def _is_file(path: Path, number: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(number))
    except FileNotFoundError:
        return False
