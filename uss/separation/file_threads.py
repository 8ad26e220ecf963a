"""Several files at a time, on threads with one model: torch computes outside Python's lock."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")


def set_threads(num_jobs: int, num_threads: int | None) -> int:
    """Threads that compute for each of `num_jobs` files: as many as asked for, else an equal part
    of the processors. Sets them for this thread."""
    threads = num_threads or max(1, torch.get_num_threads() // num_jobs)
    torch.set_num_threads(threads)
    return threads


def results(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    num_jobs: int,
    num_threads: int,
    stop: threading.Event,
) -> Generator[tuple[Item, Result], None, None]:
    """Each item with function(item), `num_jobs` at a time, as they are done.

    Whatever ends the caller sets `stop`, which the functions that run look at, and the next ones do
    not begin.
    """
    if num_jobs == 1:
        yield from ((item, function(item)) for item in items)
        return
    # The number of threads is each thread's own where OpenMP is asked directly, as oneDNN does.
    pool = ThreadPoolExecutor(num_jobs, "file", torch.set_num_threads, (num_threads,))
    try:
        futures = {pool.submit(function, item): item for item in items}
        for future in as_completed(futures):
            yield futures[future], future.result()
    finally:
        stop.set()
        pool.shutdown(cancel_futures=True)
