"""Pictures that processes of their own draw, while the report goes on."""

import logging
import os
import signal
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from functools import partial
from logging.handlers import QueueHandler
from multiprocessing import get_context
from queue import SimpleQueue
from typing import ParamSpec

P = ParamSpec("P")


class Drawing:
    """Draws on all cores; `with` ends once all is drawn, and then the log has what was said.

    The processes are forked by the first `start`: that shall come before torch is loaded, for they
    are as large as this process is then.

    Args:
        num_pictures: how many calls of `start` there will be.
    """

    def __init__(self, num_pictures: int) -> None:
        cores = len(os.sched_getaffinity(0))
        self._pool = ProcessPoolExecutor(
            max(1, min(cores, num_pictures)),
            get_context("fork"),
            signal.signal,  # Ctrl-C reaches all, and this process ends the others
            (signal.SIGINT, signal.SIG_IGN),
        )
        self._drawn: list[Future[list[logging.LogRecord]]] = []

    def start(self, draw: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Call `draw` in another process."""
        self._drawn.append(self._pool.submit(_said, partial(draw, *args, **kwargs)))

    def __enter__(self) -> "Drawing":
        return self

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        """Raises what a `draw` has raised."""
        self._pool.shutdown(cancel_futures=error is not None)
        if error is None:
            for drawn in self._drawn:
                for record in drawn.result():
                    logging.getLogger(record.name).handle(record)


def _said(draw: Callable[[], None]) -> list[logging.LogRecord]:
    """Calls it; returns what it would have written to the log."""
    said: SimpleQueue[logging.LogRecord] = SimpleQueue()
    logging.getLogger().handlers = [QueueHandler(said)]  # of a process that only draws
    draw()
    return [said.get() for _ in range(said.qsize())]
