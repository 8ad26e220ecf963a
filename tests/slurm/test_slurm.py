"""tools/slurm.sh on a real cluster: tasks, logs, failures, and what ends them."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.helpers.bash import ROOT, bash, environment, make_recipe
from tests.helpers.processes import wait_for
from tests.slurm.jobs import ask, states, wait_until

pytestmark = pytest.mark.slow

PREAMBLE = f"""set -euo pipefail
USS_ROOT='{ROOT}'
. '{ROOT}/tools/launch.sh'
nj=2 launcher=slurm
"""


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder whose name is hard to quote, with a conf/slurm.conf."""
    result = tmp_path / "it's 50%j of a JOB"
    (result / "conf").mkdir(parents=True)
    shutil.copy(ROOT / "egs" / "mini" / "conf" / "slurm.conf", result / "conf")
    return result


def start(cluster, folder: Path, num_tasks: int, task: str, *args: str) -> subprocess.Popen:
    """The bash script `task` as an array of `num_tasks` jobs."""
    script = PREAMBLE + f'launch cpu {num_tasks} "data/log/task" bash -c "$@"\necho all done'
    return subprocess.Popen(
        ["bash", "-c", script, "bash", task, "task", *args],
        cwd=folder,
        env=environment(**cluster),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def job_of(folder: Path) -> str:
    return wait_for(folder / "data" / "log" / "task.job").strip()


def log(folder: Path, task: int) -> str:
    return (folder / "data" / "log" / f"task.{task}.log").read_text()


def test_tasks_know_their_number_and_arguments_arrive_as_they_were(cluster, folder):
    words = ["two words", "it's", '"quoted"', "100%", "%j", "JOB", "$HOME `ls` *", "a\\b", ""]
    task = 'echo "$SHARD/$NUM_SHARDS"; printf "%s\\n" "$@" >"out$SHARD"; pwd >"pwd$SHARD"'
    output, errors = start(cluster, folder, 3, task, *words).communicate(timeout=300)
    assert output == "all done\n", errors
    for number in (1, 2, 3):
        assert (folder / f"out{number}").read_text().split("\n")[:-1] == words
        assert (folder / f"pwd{number}").read_text() == f"{folder}\n"
        lines = log(folder, number).splitlines()
        assert re.match(rf"# on \S+, .*, task {number} of 3, job \d+_{number}$", lines[0])
        assert f"{number}/3" in lines
        assert re.match(rf"# ended .* s, job \d+_{number}, status 0$", lines[-1])


def test_a_failing_and_a_killed_task_are_named(cluster, folder):
    """A killed one's log ends nowhere, and an older one's good end does not count."""
    output, errors = start(cluster, folder, 3, "true").communicate(timeout=300)
    assert output == "all done\n", errors
    task = """
        if [ "$SHARD" = 2 ]; then echo "task 2 says $1" >&2; exit 7; fi
        if [ "$SHARD" = 3 ]; then kill -9 $SLURM_TASK_PID; fi"""
    output, errors = start(cluster, folder, 3, task, "a 'word' and 5%").communicate(timeout=300)
    assert output == ""
    assert "task 2 of 3 failed, status 7" in errors
    assert "    task 2 says a 'word' and 5%" in errors
    assert "failed: task(s) 2 3;" in errors
    (command,) = (line for line in errors.splitlines() if line.startswith("    cd "))
    alone = bash(command, ROOT)
    assert (alone.returncode, alone.stderr) == (7, "task 2 says a 'word' and 5%\n")


def test_more_tasks_than_an_array_holds(cluster, folder):
    """Arrays of 1 to 9, 10 to 19 and 20 to 23; numbers, logs and what runs alone are as of one."""
    task = """
        echo "$SHARD/$NUM_SHARDS"; [ "$SHARD" -lt 10 ] || [ -e done9 ] || exit 5; touch "done$SHARD"
        if [ "$SHARD" = 17 ] && [ "$1" = fail ]; then echo "task 17 fails" >&2; exit 7; fi"""
    output, errors = start(cluster, folder, 23, task).communicate(timeout=300)
    assert output == "all done\n", errors
    jobs = re.findall(r"launch: job (\d+), cpu task\(s\) (\d+) to (\d+) of 23", errors)
    assert [(int(first), int(last)) for _, first, last in jobs] == [(1, 9), (10, 19), (20, 23)]
    for number in range(1, 24):
        job = f"{jobs[number // 10][0]}_{number % 10}"
        lines = log(folder, number).splitlines()
        assert lines[0].endswith(f"task {number} of 23, job {job}")
        assert f"{number}/23" in lines
        assert lines[-1].endswith(f"job {job}, status 0")
    assert len(list((folder / "data" / "log").glob("task.*.log"))) == 23
    output, errors = start(cluster, folder, 23, task, "fail").communicate(timeout=300)
    assert output == ""
    assert "task 17 of 23 failed, status 7" in errors
    assert "failed: task(s) 17;" in errors and "task(s) 20 to 23" not in errors
    (command,) = (line for line in errors.splitlines() if line.startswith("    cd "))
    alone = bash(command, ROOT)
    assert (alone.returncode, alone.stderr) == (7, "task 17 fails\n")


def test_several_arrays_are_left_taken_up_and_cancelled_as_one(cluster, tmp_path):
    """run.sh is killed beside its first array, and again beside its second, which is cancelled."""
    task = "[ -e done$SHARD ] || { until [ -e go$SHARD ]; do sleep 0.1; done; echo >>done$SHARD; }"
    recipe = make_recipe(tmp_path, f"stage_1() {{ launch cpu 12 data/log/task bash -c '{task}'; }}")
    command = [recipe / "run.sh", "--stage=1", "--stop-stage=1", "--launcher=slurm"]
    variables = environment(**cluster)
    for number in range(1, 10):
        (recipe / f"go{number}").touch()
    (recipe / "go9").unlink()
    first = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
    job = job_of(recipe)
    wait_until(lambda: (recipe / "done8").exists())
    first.send_signal(signal.SIGINT)
    assert f"to end it: scancel {job}\n" in first.communicate(timeout=300)[1]
    second = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: job_of(recipe) not in ("", job))
    again = job_of(recipe)
    (recipe / "go9").touch()
    wait_until(lambda: job_of(recipe) not in ("", again))
    job = job_of(recipe)
    wait_until(lambda: "RUNNING" in states(cluster, job))
    ask(cluster, "scancel", job)
    errors = second.communicate(timeout=300)[1]
    assert second.returncode == 1
    assert "first waits for the jobs" in errors
    assert f"of job {job} failed: task(s) 10 11 12;" in errors
    for number in (10, 11, 12):
        (recipe / f"go{number}").touch()
    third = subprocess.run(command, env=variables, capture_output=True, text=True, timeout=300)
    assert third.returncode == 0, third.stderr
    assert all((recipe / f"done{number}").read_text() == "\n" for number in range(1, 13))


def test_scancel_is_not_answered_by_a_requeue(cluster, folder):
    task = "trap 'exit 75' TERM; touch running$SHARD; while true; do sleep 0.1; done"
    process = start(cluster, folder, 2, task)
    job = job_of(folder)
    wait_until(lambda: all((folder / f"running{number}").exists() for number in (1, 2)))
    ask(cluster, "scancel", job)
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, output) == (1, "")
    assert "failed: task(s) 1 2;" in errors
    wait_until(lambda: states(cluster, job) == [])  # it may still be completing
    assert "goes on later" not in log(folder, 1) + log(folder, 2)


def test_a_signal_requeues_this_task_alone(cluster, folder):
    """As from a preemption: task 2 saves itself, ends with 75, and goes on later."""
    task = """
        echo "$SLURM_JOB_ID" >>started$SHARD
        [ "$SHARD" = 2 ] && [ ! -e saved ] || exit 0
        trap 'touch saved; exit 75' USR2; while true; do sleep 0.1; done"""
    process = start(cluster, folder, 2, task)
    job = job_of(folder)
    wait_until(lambda: states(cluster, job) == ["RUNNING"] and (folder / "started2").exists())
    ask(cluster, "scancel", "--signal=USR2", f"{job}_2")
    output, errors = process.communicate(timeout=300)
    assert output == "all done\n", errors
    assert len((folder / "started1").read_text().split()) == 1
    assert len((folder / "started2").read_text().split()) == 2
    assert "status 75: goes on later" in log(folder, 2)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_an_array_outlives_run_sh_and_the_next_run_waits_for_it(cluster, tmp_path, number):
    """Tasks do their work once; Ctrl-C says which job lives on and how to end it."""
    task = "[ -e done$SHARD ] || { until [ -e go ]; do sleep 0.1; done; echo >>done$SHARD; }"
    recipe = make_recipe(tmp_path, f"stage_1() {{ launch cpu 2 data/log/task bash -c '{task}'; }}")
    command = [recipe / "run.sh", "--stage=1", "--stop-stage=1", "--launcher=slurm"]
    variables = environment(**cluster)
    first = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
    job = job_of(recipe)
    wait_until(lambda: states(cluster, job) == ["RUNNING", "RUNNING"])
    first.send_signal(number)
    errors = first.communicate(timeout=300)[1]
    if number == signal.SIGINT:
        assert first.returncode == 130
        assert f"job {job} lives on" in errors and f"to end it: scancel {job}\n" in errors
    assert states(cluster, job) == ["RUNNING", "RUNNING"]
    second = subprocess.Popen(command, env=variables, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: job_of(recipe) not in ("", job))
    assert set(states(cluster, job_of(recipe))) == {"PENDING"}
    (recipe / "go").touch()
    errors = second.communicate(timeout=300)[1]
    assert second.returncode == 0, errors
    assert "first waits for the jobs" in errors
    assert [len((recipe / f"done{task}").read_text()) for task in (1, 2)] == [1, 1]


def test_what_sbatch_refuses_ends_the_run(cluster, folder):
    (folder / "conf" / "slurm.conf").write_text("cpu --partition=none\ngpu\ntrain\n")
    process = start(cluster, folder, 1, "true")
    output, errors = process.communicate(timeout=300)
    assert (process.returncode, output) == (1, "")
    assert "invalid partition" in errors


def test_a_gpu_and_processes_on_two_nodes(cluster, folder):
    (folder / "conf" / "slurm.conf").write_text("cpu\ngpu --gres=gpu:1\ntrain --nodes=2\n")
    script = (
        PREAMBLE
        + """num_processes=2
        show='echo "$NUM_PROCESSES $SLURM_PROCID/$SLURM_NTASKS $SLURMD_NODENAME'
        show+=' $MASTER_ADDR $((MASTER_PORT == 10000 + SLURM_JOB_ID))"'
        launch train 1 data/log/train bash -c "$show"
        launch gpu 1 data/log/gpu bash -c 'echo "${NUM_PROCESSES-alone} $SLURM_JOB_GPUS"'"""
    )
    done = bash(script, folder, **cluster)
    assert done.returncode == 0, done.stderr
    lines = (folder / "data" / "log" / "train.1.log").read_text().splitlines()
    assert "2 0/2 node1 127.0.0.1 1" in lines and "2 1/2 node2 127.0.0.1 1" in lines
    assert "alone 0" in (folder / "data" / "log" / "gpu.1.log").read_text().splitlines()


def test_the_cluster_is_on_the_loopback_interface_alone(cluster):
    config = Path(cluster["SLURM_CONF"]).read_text()
    ports = {int(port) for port in re.findall(r"Port=(\d+)", config)}
    assert len(ports) == 3
    listening = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        if os.path.exists(table):
            for line in Path(table).read_text().splitlines()[1:]:
                address, state = line.split()[1], line.split()[3]
                host, port = address.split(":")
                if state == "0A" and int(port, 16) in ports:
                    listening.add(host)
    assert listening == {"0100007F"}
