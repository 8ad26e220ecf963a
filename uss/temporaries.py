"""Names that are written under until a file is whole, what killed processes have left of them, and
names that are too long."""

import hashlib
import os
import re
import socket
import time
from functools import cache
from pathlib import Path

MAX_BYTES = 255  # of a name, on nearly every disk
MAX_AGE_SECONDS = 24 * 3600  # of a temporary that no process here writes: longer than any write
NAME = re.compile(r"\..*\.(?:([0-9a-f]{6})-)?(\d+)\.tmp(?:\.\w+)?")


@cache
def host() -> str:
    """Six digits for this computer (or container): process ids mean something there only."""
    try:
        processes = os.stat("/proc/self/ns/pid").st_ino
    except OSError:
        processes = 0
    return hashlib.sha256(f"{socket.gethostname()} {processes}".encode()).hexdigest()[:6]


def temporary_name(path: Path) -> Path:
    """A hidden sibling that no other process writes; libraries choose formats by its suffix."""
    end = f".{host()}-{os.getpid()}.tmp{path.suffix}"
    return path.with_name(f".{shortened(path.stem, MAX_BYTES - 1 - len(os.fsencode(end)))}{end}")


def shortened(name: str, max_bytes: int) -> str:
    """The name; where it is longer, its beginning and six digits that stand for all of it."""
    if len(os.fsencode(name)) <= max_bytes:
        return name
    end = "-" + hashlib.sha256(os.fsencode(name)).hexdigest()[:6]
    # The cut may fall within a letter, whose rest is then dropped.
    kept = os.fsencode(name)[: max_bytes - len(end)]
    while kept and not name.startswith(os.fsdecode(kept)):
        kept = kept[:-1]
    return os.fsdecode(kept) + end


_swept: set[tuple[int, Path]] = set()


def sweep(folder: Path) -> None:
    """Remove the temporaries of killed processes, the first time that this process writes there.

    A process of this host that lives keeps its own. Those of other hosts go when nobody has
    written to them for a day.
    """
    key = (os.getpid(), folder.absolute())
    if key in _swept:
        return
    _swept.add(key)
    try:
        names = os.listdir(folder)
    except OSError:  # one may write there and not look
        return
    for name in names:
        match = NAME.fullmatch(name)
        if match is None:
            continue
        try:
            if _is_dead(folder / name, match[1], int(match[2])):
                (folder / name).unlink()
        except OSError:  # another process has removed it, or we may not
            continue


def _is_dead(path: Path, written_on: str | None, pid: int) -> bool:
    if written_on != host():
        return time.time() - path.lstat().st_mtime > MAX_AGE_SECONDS
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except (OSError, OverflowError):  # it lives, and is another user's
        return False
    return False
