"""One run.sh at a time: several starts at once, on a fresh and on a stale lock, after kill -9."""

import os
import signal
import subprocess
import time
from pathlib import Path

from tests.field.case import case, require
from tests.field.place import Place
from tests.helpers.bash import make_recipe
from tests.helpers.processes import is_running, wait_for

LOCKS = "locks"
TRIES = 8
# Whoever is inside makes a folder: a second one cannot.
STAGES = """
stage_2() { mkdir held || { echo OVERLAP >>overlaps; }; sleep 0.5; rmdir held; }
stage_5() { launch cpu 1 data/log/task bash -c 'trap "" TERM
    echo $$ >task; for i in $(seq 100); do sleep 0.1; done'; }
"""


def starts(place: Place, recipe: Path, number: int) -> list[str]:
    """What this many run.sh said, started at once."""
    command = [recipe / "run.sh", "--stage=2", "--stop-stage=2"]
    processes = [place.start(*command) for _ in range(number)]
    return [process.communicate(timeout=120)[0].decode() for process in processes]


def tried(place: Place, stale: bool) -> str:
    recipe = make_recipe(place.folder, STAGES)
    overlaps = recipe / "overlaps"
    for number in (2, 3, 5):
        for _ in range(TRIES):
            if stale:
                crash(place, recipe)
            said = starts(place, recipe, number)
            require(not overlaps.exists(), f"{number} starts: they overlap")
            bad = [text for text in said if "another run.sh works" not in text and "waits" not in
                   text and "stage 2: done" not in text]  # fmt: skip
            require(not bad, f"{number} starts: {bad and bad[0][-200:]}")
    left = [path.name for path in (recipe / "data").glob(".*lock*") if path.stat().st_size]
    require(not left, f"{left} is left behind")
    return f"{3 * TRIES} tries without an overlap"


def crash(place: Place, recipe: Path) -> None:
    """Ends a run.sh with everything that belongs to it at once, as a machine that crashes does."""
    process = place.start("bash", "-c", 'exec "$0" --stage=2 --stop-stage=2', recipe / "run.sh")
    end = time.monotonic() + 60
    while not (recipe / "held").exists():
        require(time.monotonic() < end, "run.sh does not start")
        time.sleep(0.005)
    for number in (signal.SIGSTOP, signal.SIGKILL):  # first stopped: none sees the other end
        for pid in family(process.pid):
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
    process.communicate()
    if (recipe / "held").exists():
        (recipe / "held").rmdir()


def family(pid: int) -> list[int]:
    """A process and all its descendants."""
    listed = subprocess.run(["ps", "-eo", "pid=,ppid="], capture_output=True, text=True).stdout
    parents = dict(map(int, line.split()) for line in listed.splitlines())
    found = [pid]
    while more := [p for p, above in parents.items() if above in found and p not in found]:
        found += more
    return found


@case(
    LOCKS,
    "own",
    f"2, 3 and 5 run.sh started at once, {TRIES} times each",
    "one at a time; nothing left behind",
)
def several_starts(place: Place) -> str:
    return tried(place, stale=False)


@case(
    LOCKS,
    "own",
    f"the same where a machine crashed before (a stale lock), {TRIES} times each",
    "one at a time; nothing left behind",
)
def several_starts_on_a_stale_lock(place: Place) -> str:
    return tried(place, stale=True)


@case(
    LOCKS,
    "own",
    "kill -9 of run.sh and all its shells, while its task goes on; then run.sh again",
    "the task is ended or waited for: never two beside each other",
)
def shells_that_are_killed(place: Place) -> str:
    recipe = make_recipe(place.folder, STAGES.replace("data/log", "exp/default/log"))
    process = place.start(recipe / "run.sh", "--stage=5", "--stop-stage=5")
    task = int(wait_for(recipe / "task", 60))
    for pid in family(process.pid):
        command = Path(f"/proc/{pid}/cmdline").read_bytes() if is_running(pid) else b""
        if pid != task and b"run.sh" in command:
            os.kill(pid, signal.SIGKILL)
    process.wait()
    (recipe / "task").unlink()
    second = place.start(recipe / "run.sh", "--stage=5", "--stop-stage=5")
    try:
        end = time.monotonic() + 8
        while time.monotonic() < end and second.poll() is None:
            beside = is_running(task) and (recipe / "task").exists()
            require(not beside, f"the task {task} still runs beside a second one")
            time.sleep(0.05)
    finally:
        for pid in {task, *family(second.pid)}:
            if is_running(pid):
                os.kill(pid, signal.SIGKILL)
        said = second.communicate()[0].decode()
    return (said.splitlines() or ["waits"])[-1]
