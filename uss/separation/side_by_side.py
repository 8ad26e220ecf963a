"""Work on a CPU's cores side by side, each part on one: torch computes outside Python's lock."""

import threading
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Item = TypeVar("Item")
Result = TypeVar("Result")
Map = Callable[[Callable[[Item], Result], Iterable[Item]], Iterable[Result]]

_lock = threading.Lock()
_num_inside, _num_threads = 0, 1  # side_by_side's own use, and torch's threads before the first


@contextmanager
def side_by_side(num_items: int) -> Generator[Map, None, None]:
    """A `map` that does as many items at once as this thread has threads of torch's, each on one.
    That is faster than one after the other, each on all, and gives the same on any number."""
    num_threads = torch.get_num_threads()
    if num_threads == 1 or num_items == 0:
        yield map
        return
    num_workers = min(num_threads, num_items)
    with (
        _threads_given_back(),
        ThreadPoolExecutor(num_workers, "row", torch.set_num_threads, (1,)) as pool,
    ):
        yield pool.map


@contextmanager
def _threads_given_back() -> Generator[None, None, None]:
    """MKL has one number of threads in the process, which a thread sets that sets its own."""
    global _num_inside, _num_threads
    with _lock:
        if _num_inside == 0:
            _num_threads = torch.get_num_threads()
        _num_inside += 1
    try:
        yield
    finally:
        with _lock:
            _num_inside -= 1
            if _num_inside == 0:
                torch.set_num_threads(_num_threads)
