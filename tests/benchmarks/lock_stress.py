"""How often run.sh's lock lets two work in a folder at once, and what it leaves behind.

Several shells lock a folder as run.sh does (tools/lock.sh), all released at the same moment, where
there is no lock, and where a run.sh that was killed has left one. One that gets in makes a folder,
works for a moment, and removes it again: where it is there already, two are at work.

    python tests/benchmarks/lock_stress.py                        # 200 tries each: about 10 minutes
    python tests/benchmarks/lock_stress.py --tools OTHER/tools    # of another checkout

Prints a line for each kind and number of shells: tries, tries in which two were at work, those in
which nobody was, and those that left a lock, another file or a process.
"""

import argparse
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHELL = """
set -euo pipefail
. "$1/launch.sh"
trap 'end_jobs; dismiss_guardian' EXIT
echo ready
read -r
lock_folder data
mkdir data/inside || echo overlap
echo inside
here sleep 0.02
rmdir data/inside || :
"""
# Process ids that no process has: /proc/sys/kernel/pid_max is at most 4194304.
STALE = f"{socket.gethostname()} 4999999:1 4999999:1\n"


@dataclass
class Counts:
    tries: int = 0
    overlaps: int = 0
    nobody: int = 0
    left: int = 0

    def __str__(self) -> str:
        return (
            f"{self.tries:5} tries  {self.overlaps:4} overlaps  "
            f"{self.nobody:4} with nobody at work  {self.left:4} that left something"
        )


def processes_in(folder: Path) -> Iterator[int]:
    """Those whose working directory it is; a zombie has none."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if os.readlink(process / "cwd") == str(folder):
                yield int(process.name)
        except OSError:
            continue


def compete(tools: Path, folder: Path, num_shells: int) -> list[str]:
    """What the shells print, each of them released at the same moment; returns when all ended."""
    shells = [
        subprocess.Popen(
            ["bash", "-c", SHELL, "bash", str(tools)],
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        for _ in range(num_shells)
    ]
    for shell in shells:
        assert shell.stdout is not None and shell.stdout.readline() == "ready\n"
    for shell in shells:
        assert shell.stdin is not None
        shell.stdin.write("\n")
        shell.stdin.flush()
    return [shell.communicate(timeout=60)[0] for shell in shells]


def stress(tools: Path, num_shells: int, tries: int, stale: bool) -> Counts:
    """Counts over `tries`, each in a folder of its own, with a stale lock or without one."""
    counts = Counts()
    for _ in range(tries):
        folder = Path(tempfile.mkdtemp(prefix="lock_stress")).resolve()
        data = folder / "data"
        data.mkdir()
        if stale:
            (data / ".lock").write_text(STALE)
        outputs = compete(tools, folder, num_shells)
        end = time.monotonic() + 5
        while (left := list(processes_in(folder))) and time.monotonic() < end:
            time.sleep(0.02)
        counts.tries += 1
        counts.overlaps += any("overlap" in output for output in outputs)
        counts.nobody += not any("inside" in output for output in outputs)
        counts.left += bool(left or list(data.iterdir()))
        shutil.rmtree(folder)
    return counts


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--tools", type=Path, default=ROOT / "tools")
    parser.add_argument("--tries", type=int, default=200)
    options = parser.parse_args()
    for stale in (False, True):
        for num_shells in (2, 3, 5):
            counts = stress(options.tools.resolve(), num_shells, options.tries, stale)
            kind = "stale" if stale else "fresh"
            print(f"{kind} lock, {num_shells} shells: {counts}", flush=True)


if __name__ == "__main__":
    main()
