"""Waiting for a file, and looking whether a process still runs."""

import time
from pathlib import Path


def wait_for(path: Path, seconds: float = 300) -> str:
    """The content of a file that another process is about to write a line to."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if path.exists() and path.read_text().endswith("\n"):
            return path.read_text()
        time.sleep(0.02)
    raise AssertionError(f"nobody wrote {path} in {seconds} s")


def is_running(pid: int) -> bool:
    """A zombie has ended: in a container nobody may collect it."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"
