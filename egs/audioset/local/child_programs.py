"""Programs that work for one clip: what they started ends with them, and they end with us."""

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from .request_rate import Stopped

SIGNALS = (signal.SIGTERM, signal.SIGHUP)


class ChildPrograms:
    """Runs programs, each as the leader of a session of its own: yt-dlp's ffmpeg is in it too."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: set[subprocess.Popen] = set()
        self._ended = False

    def run(self, command: list[str], timeout_seconds: float) -> tuple[int, str]:
        """Exit status and standard error.

        Raises:
            subprocess.TimeoutExpired: the program and its children are killed.
            Stopped: `end` was called.
        """
        with self._lock:
            if self._ended:
                raise Stopped
            child = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                errors="replace",
                start_new_session=True,
            )
            self._running.add(child)
        try:
            _, messages = child.communicate(timeout=timeout_seconds)
        except subprocess.TimeoutExpired:
            kill_session(child)
            child.communicate()
            raise
        finally:
            with self._lock:
                self._running.discard(child)
            kill_session(child)  # what it left running when it ended
        if self._ended:
            raise Stopped
        return child.returncode, messages

    def end(self) -> None:
        """Kill what runs; nothing starts afterwards."""
        with self._lock:
            self._ended = True
            for child in self._running:
                kill_session(child)


def kill_session(leader: subprocess.Popen) -> None:
    try:
        os.killpg(leader.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass  # all have ended


@contextmanager
def signals_end_the_block() -> Iterator[None]:
    """SIGTERM and SIGHUP leave the block as an exception does: its clean-up runs.

    Only the main thread may say what a signal does; elsewhere nothing changes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def leave(number: int, frame: object) -> None:
        raise SystemExit(128 + number)

    before = {number: signal.signal(number, leave) for number in SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
