"""The pace of all downloads together: a smallest distance, and pauses where a server refuses."""

import threading
import time

LONGEST_PAUSE_SECONDS = 900.0


class Stopped(Exception):
    """The run ends: no further request."""


class Pace:
    """Shared by the threads that download.

    Args:
        distance_seconds: from one request to the next.
        backoff_seconds: the first pause after a refusal; each further one lasts twice as long.
    """

    def __init__(self, distance_seconds: float, backoff_seconds: float) -> None:
        self.distance_seconds = distance_seconds
        self.backoff_seconds = backoff_seconds
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._next = time.monotonic()
        self._num_pauses = 0

    def wait(self) -> None:
        """Return when the next request may go out. Raises Stopped."""
        while True:
            with self._lock:
                now = time.monotonic()
                if now >= self._next:
                    self._next = now + self.distance_seconds
                    break
                seconds = self._next - now
            if self._stop.wait(seconds):
                break
        if self._stop.is_set():
            raise Stopped

    def refused(self, pause_seconds: float | None) -> float:
        """Hold all requests for the pause that the server asks for, or for a growing one.

        Refusals of requests that went out before a pause began do not lengthen it. Returns its
        seconds, 0 where it had begun.
        """
        with self._lock:
            now = time.monotonic()
            if self._next - now > self.distance_seconds:
                return 0.0
            if pause_seconds is None:
                pause_seconds = self.backoff_seconds * 2.0**self._num_pauses
            self._num_pauses += 1
            pause_seconds = min(pause_seconds, LONGEST_PAUSE_SECONDS)
            self._next = now + max(pause_seconds, self.distance_seconds)
            return pause_seconds

    def succeeded(self) -> None:
        with self._lock:
            self._num_pauses = 0

    def stop(self) -> None:
        self._stop.set()
