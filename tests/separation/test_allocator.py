"""Freed memory stays: the system need not clear its pages for the next layer."""

import platform
import subprocess
import sys

import pytest

CODE = """
import resource, sys
import numpy as np
from uss.separation.allocator import keep_freed_memory

if sys.argv[1] == "keep":
    keep_freed_memory()

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    np.full(48 << 20, 1, np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
print(faults())
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
def test_the_second_allocation_asks_the_system_for_nothing():
    kept, given_back = (
        int(subprocess.check_output([sys.executable, "-c", CODE, how])) for how in ("keep", "not")
    )
    assert kept < 5 < given_back
