"""Talking to the cluster of a test: its jobs, and waiting for what they do."""

import os
import subprocess
import time
from collections.abc import Callable


def ask(cluster: dict[str, str], *command: str) -> str:
    """The output of one of Slurm's commands."""
    done = subprocess.run(
        command, env=os.environ | cluster, capture_output=True, text=True, check=True
    )
    return done.stdout


def states(cluster: dict[str, str], job: str) -> list[str]:
    """Of the jobs of an array, or one (12_3) of them, that have not ended: RUNNING, PENDING, ..."""
    lines = ask(cluster, "squeue", "--noheader", "--array", "--format=%F %F_%K %T").splitlines()
    return [line.split()[2] for line in lines if job in line.split()[:2]]


def wait_until(condition: Callable[[], object], seconds: float = 300) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s"
        time.sleep(0.1)
