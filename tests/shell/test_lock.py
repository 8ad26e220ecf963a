"""tools/lock.sh: one run.sh at a time, and nothing that outlives a run.sh that was killed."""

import contextlib
import os
import signal
import socket
import subprocess
import time

import pytest

from tests.benchmarks import lock_stress
from tests.helpers.bash import ROOT, bash, environment, make_recipe, run
from tests.helpers.processes import is_running, wait_for

STAGES = """
stage_1() { launch cpu 2 data/log/task bash -c 'trap "echo >saved$SHARD; exit" TERM
    echo $$ >task$SHARD; while true; do sleep 0.05; done'; }
stage_2() { echo two; }
stage_5() { echo five; }
"""
LAST = ("--stage=2", "--stop-stage=2")
# Nothing but a lock that its program inherits tells that it still writes.
TRAINING = """
stage_1() { launch train 1 data/log/train python -c '
import os, time
open("task1", "w").write(f"{os.getpid()}\\n")
for step in range(10**6):
    with open("train.jsonl", "a") as log:
        log.write(f"{os.getpid()}\\n")
    time.sleep(0.02)
    if os.path.exists("enough"):
        break
'; }
"""


def processes_of(pid: int) -> list[int]:
    """`pid` and its children, and their children."""
    found = [pid]
    for parent in found:
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has just ended
            with open(f"/proc/{parent}/task/{parent}/children") as file:
                found += [int(word) for word in file.read().split()]
    return found


def name_of(pid: int) -> str:
    """Empty where it has just ended."""
    try:
        with open(f"/proc/{pid}/comm") as file:
            return file.read().strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def guardian_of(pid: int) -> int:
    """The only child of run.sh that is in its own process group."""
    (found,) = (p for p in processes_of(pid)[1:] if os.getpgid(p) == os.getpgid(pid))
    return found


@pytest.fixture
def recipe(tmp_path):
    return make_recipe(tmp_path, STAGES)


def start(recipe, num_tasks: int = 2) -> subprocess.Popen:
    """run.sh in its stage 1, whose tasks do not end by themselves; `tasks`: their processes."""
    command = [recipe / "run.sh", "--stage=1", "--stop-stage=1", "--nj=2"]
    process = subprocess.Popen(
        command, env=environment(), stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    process.tasks = [int(wait_for(recipe / f"task{task + 1}")) for task in range(num_tasks)]
    return process


@pytest.fixture
def running(recipe):
    process = start(recipe)
    yield process
    process.terminate()
    process.wait(timeout=300)


@pytest.mark.slow
def test_a_second_run_says_who_works_here(recipe, running):
    second = run(recipe, *LAST)
    assert (second.returncode, second.stdout) == (1, "")
    assert f"another run.sh works in {recipe}/data: process {running.pid} on this host, since" in (
        second.stderr
    )
    assert f"kill {running.pid}" in second.stderr
    # exp/<name> has a lock of its own.
    assert run(recipe, "--stage=5", "--stop-stage=5").stdout == "five\n"


def test_the_lock_goes_with_its_run(recipe, running):
    assert (recipe / "data" / ".lock").exists()
    running.terminate()
    running.wait(timeout=300)
    assert running.returncode == 128 + signal.SIGTERM
    assert not (recipe / "data" / ".lock").exists()
    assert run(recipe, *LAST).stdout == "two\n"
    assert not (recipe / "data" / ".lock").exists()


def test_after_kill_9_the_tasks_are_ended_and_the_next_run_goes_on(recipe, running):
    running.kill()
    result = run(recipe, *LAST)
    assert (result.returncode, result.stdout) == (0, "two\n"), result.stderr
    assert (recipe / "saved1").exists() and (recipe / "saved2").exists()
    assert not any(is_running(task) for task in running.tasks)


@pytest.mark.slow
def test_after_kill_9_of_all_shells_the_next_run_waits_for_the_training(tmp_path):
    """The guardian too is gone: nobody ends the training, and nobody trains beside it."""
    recipe = make_recipe(tmp_path, TRAINING)
    first = start(recipe, num_tasks=1)
    shells = [pid for pid in processes_of(first.pid) if name_of(pid) in ("run.sh", "bash")]
    guardian = guardian_of(first.pid)  # before run.sh, whose end it would notice
    for pid in sorted(shells, key=lambda shell: shell != guardian):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    first.wait(timeout=60)
    (training,) = first.tasks
    (recipe / "task1").unlink()
    command = [recipe / "run.sh", "--stage=1", "--stop-stage=1", "--nj=2"]
    second = subprocess.Popen(command, env=environment(), stderr=subprocess.PIPE, text=True)
    for line in second.stderr:
        if "waits for" in line:
            break
    assert f"waits for what process {first.pid}, which was killed, left running" in line
    assert line.endswith(f"to end it: kill {training}\n")
    before = len((recipe / "train.jsonl").read_text())
    time.sleep(0.3)
    writers = (recipe / "train.jsonl").read_text().split()
    assert len("\n".join(writers)) > before and set(writers) == {str(training)}
    os.kill(training, signal.SIGTERM)
    other = wait_for(recipe / "task1").strip()
    (recipe / "enough").touch()
    second.communicate(timeout=60)
    assert second.returncode == 0
    writers = (recipe / "train.jsonl").read_text().split()
    assert writers == sorted(writers, key=[str(training), other].index)
    assert not (recipe / "data" / ".lock").exists()


def test_a_program_whose_shell_was_killed_does_not_outlive_run_sh(tmp_path):
    recipe = make_recipe(tmp_path, TRAINING)
    first = start(recipe, num_tasks=1)
    (training,) = first.tasks
    with open(f"/proc/{training}/stat") as stat:
        shell = int(stat.read().rpartition(")")[2].split()[1])
    assert shell != first.pid
    os.kill(shell, signal.SIGKILL)
    errors = first.communicate(timeout=60)[1]
    assert first.returncode == 1 and "task 1 of 1 failed, status unknown" in errors
    assert not is_running(training)


def test_a_guardian_that_was_killed_is_replaced_and_named(recipe):
    process = start(recipe)
    old = guardian_of(process.pid)
    os.kill(old, signal.SIGKILL)
    os.kill(process.tasks[0], signal.SIGTERM)  # the end of a task is when run.sh looks
    os.kill(process.tasks[1], signal.SIGTERM)
    errors = process.communicate(timeout=60)[1]
    assert process.returncode == 0, errors
    assert f"somebody ended process {old}, which ends the tasks when run.sh is killed" in errors
    assert not (recipe / "data" / ".lock").exists()


@pytest.mark.slow
def test_what_a_stage_leaves_running_elsewhere_does_not_keep_the_lock(tmp_path):
    """Such as an agent that a program started, with all descriptors of its parent."""
    agent = "echo $$ >task1; exec sleep 1000 >/dev/null 2>&1"
    recipe = make_recipe(tmp_path, f"stage_2() {{ here setsid --fork bash -c '{agent}'; }}")
    assert run(recipe, *LAST).returncode == 0
    pid = int(wait_for(recipe / "task1"))
    (recipe / "run.sh").write_text((recipe / "run.sh").read_text().replace("here ", ": "))
    try:
        assert run(recipe, *LAST).returncode == 0
        assert is_running(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "content", ["", "half a", "{host} {pid}:1\n", "{host} 999999999:1 13:35\n"]
)
def test_the_lock_of_a_machine_that_crashed_is_taken_over(recipe, content):
    """Nobody was left to remove it, and its process ids may be taken by others."""
    lock = recipe / "data" / ".lock"
    lock.parent.mkdir()
    lock.write_text(content.format(host=socket.gethostname(), pid=os.getpid()))
    result = run(recipe, *LAST)
    assert (result.returncode, result.stdout) == (0, "two\n"), result.stderr
    assert not lock.exists()


def test_another_host_is_left_to_the_user(recipe):
    """Some disks lock among the processes of one host only."""
    lock = recipe / "data" / ".lock"
    lock.parent.mkdir()
    lock.write_text("elsewhere 12:34\n")
    result = run(recipe, *LAST)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"works in {recipe}/data: process 12 on elsewhere, since" in result.stderr
    assert f"rm '{lock}'" in result.stderr
    assert lock.read_text() == "elsewhere 12:34\n"


NO_LOCKS = "#!/bin/sh\necho 'flock: 11: No locks available' >&2\nexit 71\n"


@pytest.mark.slow
def test_a_disk_without_locks_is_named(recipe, running, tmp_path):
    """There, too, a second run.sh sees the first one; it cannot see what a dead one has left."""
    program = tmp_path / "bin" / "flock"
    program.parent.mkdir()
    program.write_text(NO_LOCKS)
    program.chmod(0o755)
    script = f"PATH={program.parent}:$PATH '{recipe}/run.sh' --stage=$1 --stop-stage=$1"
    beside = bash(script, tmp_path, "2")
    assert (beside.returncode, beside.stdout) == (1, "")
    assert f"process {running.pid} on this host" in beside.stderr
    alone = bash(script, tmp_path, "5")
    assert (alone.returncode, alone.stdout) == (0, "five\n")
    assert "/exp/default has no locks (11: No locks available)" in alone.stderr
    assert "start only one at a time" in alone.stderr


@pytest.mark.parametrize("stages", ["2", "5"])
@pytest.mark.parametrize(
    ("name", "needed_by"), [("data", "25"), ("exp", "5"), ("exp/default", "5")]
)
def test_a_folder_that_is_a_link_to_nowhere(recipe, name, needed_by, stages):
    path = recipe / name
    path.parent.mkdir(exist_ok=True)
    path.symlink_to("/mnt/gone away")
    result = run(recipe, "--stage", stages, "--stop-stage", stages)
    if stages in needed_by:
        assert (result.returncode, result.stdout) == (1, "")
        assert f"{path} is a link to /mnt/gone away, which is not there" in result.stderr
        path.unlink()
        path.touch()
        assert f"{path} is no folder" in run(recipe, "--stage", stages).stderr
    else:
        assert result.returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("stale", [False, True])
def test_of_several_at_the_same_moment_one_works(stale):
    """More of it: tests/benchmarks/lock_stress.py."""
    counts = lock_stress.stress(ROOT / "tools", num_shells=4, tries=8, stale=stale)
    assert counts == lock_stress.Counts(tries=8)
