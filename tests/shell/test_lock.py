"""tools/lock.sh: one run.sh at a time, and nothing that outlives a run.sh that was killed."""

import os
import signal
import socket
import subprocess

import pytest

from tests.shell.bash import environment, make_recipe, run
from tests.shell.processes import is_running, wait_for

STAGES = """
stage_1() { launch cpu 2 data/log/task bash -c 'trap "echo >saved$SHARD; exit" TERM
    echo $$ >task$SHARD; while true; do sleep 0.05; done'; }
stage_2() { echo two; }
stage_5() { echo five; }
"""
LAST = ("--stage=2", "--stop-stage=2")


@pytest.fixture
def recipe(tmp_path):
    return make_recipe(tmp_path, STAGES)


@pytest.fixture
def running(recipe):
    """run.sh in its stage 1, whose tasks do not end by themselves; its process."""
    command = [recipe / "run.sh", "--stage=1", "--stop-stage=1", "--nj=2"]
    process = subprocess.Popen(command, env=environment(), stderr=subprocess.DEVNULL)
    process.tasks = [int(wait_for(recipe / f"task{task}")) for task in (1, 2)]
    yield process
    process.terminate()
    process.wait(timeout=300)


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


def test_the_lock_of_a_machine_that_crashed_is_taken_over(recipe, running):
    """Nobody is left to remove it, and its process ids may be taken by others."""
    lock = recipe / "data" / ".lock"
    guardian = int(lock.read_text().split()[2].split(":")[0])
    for pid in (guardian, running.pid, *running.tasks):  # it would end the tasks itself
        os.kill(pid, signal.SIGKILL)
    running.wait()
    assert run(recipe, *LAST).stdout == "two\n"
    for pid in (os.getpid(), 999999999):
        lock.write_text(f"{socket.gethostname()} {pid}:1 {pid}:1\n")
        assert run(recipe, *LAST).stdout == "two\n"


@pytest.mark.parametrize("content", ["elsewhere 12:34 13:35\n", "", "half a"])
def test_what_cannot_be_judged_from_here_is_left_to_the_user(recipe, content):
    lock = recipe / "data" / ".lock"
    lock.parent.mkdir()
    lock.write_text(content)
    result = run(recipe, *LAST)
    assert (result.returncode, result.stdout) == (1, "")
    assert f"rm '{lock}'" in result.stderr
    assert lock.read_text() == content
    if content.startswith("elsewhere"):
        assert "process 12 on elsewhere" in result.stderr
