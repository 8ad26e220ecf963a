"""Kill -9 at random moments over stages 1 to 7, each time run again: the results are the same.

USS_NUM_KILLS sets how many (tests/run.sh --all: 50); USS_KILL_SEED, which moments.
"""

import os
import random
import re
import signal
import subprocess
import threading
import time
from pathlib import Path

import pytest

from tests.helpers.recipe_runs import REDUCED, SYSTEMS, command, copy_recipe, run
from uss.model_store.log_file import read_log

pytestmark = pytest.mark.slow

NUM_KILLS = int(os.environ.get("USS_NUM_KILLS", "3"))
SEED = int(os.environ.get("USS_KILL_SEED", "0"))
OVERRIDES = [*REDUCED, "train.save_minutes=0.01", "detector.training.save_minutes=0.01"]


class Run:
    """run.sh from a stage on; `stages` maps those that have begun to the time they did."""

    def __init__(self, recipe: Path, stage: int) -> None:
        self.stages: dict[int, float] = {}
        options = ("--nj", "2", "--stage", str(stage), *SYSTEMS)
        self.process = subprocess.Popen(
            command(*options, overrides=OVERRIDES),
            cwd=recipe,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stderr:
            self.lines.append(line)
            if found := re.match(r"=== stage (\d): [A-Za-z- ]+ ===", line):
                self.stages[int(found[1])] = time.monotonic()

    def wait_for(self, stage: int) -> None:
        while stage not in self.stages and self.process.poll() is None:
            time.sleep(0.02)

    def end(self) -> int:
        status = self.process.wait(timeout=900)
        self.reader.join()
        return status


def descendants(pid: int) -> list[int]:
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            fields = (folder / "stat").read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        parents[int(folder.name)] = int(fields[1])
    result = [pid]
    for parent in result:
        result += [child for child, other in parents.items() if other == parent]
    return result[1:]


def is_python(pid: int) -> bool:
    try:
        return b"python" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]
    except (FileNotFoundError, ProcessLookupError):
        return False


def kill(process: subprocess.Popen, victims: str, rng: random.Random) -> None:
    """run.sh alone; one of the processes it started, as for want of memory; all, as a crash."""
    children = descendants(process.pid)
    if victims == "run.sh":
        pids = [process.pid]
    elif victims == "all":
        pids = [process.pid, *children]
    else:
        pids = [child for child in children if is_python(child)]
        pids = pids and [rng.choice(pids)]
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def seconds_of_stages(undisturbed: Path) -> dict[int, int]:
    """As the undisturbed run says."""
    found = re.findall(r"=== stage (\d): done in (\d+) s", (undisturbed / "run.log").read_text())
    return {int(stage): int(seconds) for stage, seconds in found}


def test_the_results_are_those_of_an_undisturbed_run(undisturbed, tmp_path):
    rng = random.Random(SEED)
    recipe = copy_recipe("mini", tmp_path)
    run(recipe, "--stop-stage", "0", *SYSTEMS)
    seconds = seconds_of_stages(undisturbed)
    repeats = -(-NUM_KILLS // 7)
    stages = sorted(rng.sample(sorted(list(range(1, 8)) * repeats), NUM_KILLS))
    for number, stage in enumerate(stages):
        running = Run(recipe, stages[number - 1] if number else 1)
        running.wait_for(stage)
        delay = rng.uniform(0, seconds[stage] + 1)
        victims = ("run.sh", "all", "one")[number % 3]
        time.sleep(delay)
        print(f"stage {stage}: {victims} killed after {delay:.1f} s")
        kill(running.process, victims, rng)
        running.end()
    last = Run(recipe, 1)
    assert last.end() == 0, "".join(last.lines)
    for name in ("results.csv", "results_sed.csv"):
        mine, theirs = (path / "exp" / "default" / name for path in (recipe, undisturbed))
        assert mine.read_bytes() == theirs.read_bytes(), name
    for system in ("resunet_joint", "mae_aligned"):
        steps = [
            line["step"] for line in read_log(recipe / "exp" / "default" / system / "train.jsonl")
        ]
        assert steps == sorted(set(steps)) and steps[-1] == 40
