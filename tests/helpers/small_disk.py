"""Disks that are full, without a disk: a limit to the size of files."""

import resource
from contextlib import contextmanager


@contextmanager
def largest_file(num_bytes: int):
    """What lies beyond is refused with EFBIG, as by `ulimit -f`; the way of a full disk's ENOSPC
    through the libraries is the same."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (num_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
