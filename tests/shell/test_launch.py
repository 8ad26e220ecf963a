"""tools/launch.sh: tasks, their logs, and what happens when one fails or run.sh is stopped."""

import os
import re
import signal
import subprocess
import sys

import pytest

from tests.helpers.bash import ROOT, bash, environment
from tests.helpers.processes import is_running, wait_for

PREAMBLE = f"set -euo pipefail\nUSS_ROOT='{ROOT}'\n. '{ROOT}/tools/launch.sh'\nnj=2\n"


def launch(folder, num_tasks: int, task: str, *args: str) -> subprocess.CompletedProcess:
    """Launch `num_tasks` of the bash script `task` in `folder`, two at a time."""
    script = PREAMBLE + f'launch cpu {num_tasks} "a log/task" bash -c "$@"\necho all done'
    return bash(script, folder, task, "task", *args)


def log(folder, task: int) -> str:
    return (folder / "a log" / f"task.{task}.log").read_text()


def test_each_task_knows_its_number(tmp_path):
    result = launch(
        tmp_path, 5, 'echo "$SHARD/$NUM_SHARDS $OMP_NUM_THREADS $MKL_NUM_THREADS" >"out $SHARD"'
    )
    assert result.stdout == "all done\n"
    for task in range(1, 6):
        assert (tmp_path / f"out {task}").read_text() == f"{task}/5 1 1\n"


def test_a_task_keeps_its_memory_unless_the_user_says_otherwise(tmp_path, monkeypatch):
    """(What it is for: tests/benchmarks/cpu_step.py.) Freed memory is used again, not cleared."""
    monkeypatch.delenv("GLIBC_TUNABLES", raising=False)
    python = f"""exec '{sys.executable}' -c '
import resource
faults = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_minflt
bytearray(1 << 27)
before = faults()
bytearray(1 << 27)
open("new pages", "w").write(str(faults() - before))
' """
    launch(tmp_path, 1, python)
    assert int((tmp_path / "new pages").read_text()) < 1000  # of 32768
    monkeypatch.setenv("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=65536")
    launch(tmp_path, 1, python)
    assert int((tmp_path / "new pages").read_text()) > 30000


def test_no_more_than_nj_tasks_at_a_time(tmp_path):
    launch(tmp_path, 6, "echo 1 >>count; sleep 0.1; echo -1 >>count")
    changes = [int(line) for line in (tmp_path / "count").read_text().split()]
    running = [sum(changes[: i + 1]) for i in range(len(changes))]
    assert max(running) == 2
    assert running[-1] == 0


def test_arguments_arrive_as_they_were(tmp_path):
    words = ["two words", "it's", '"quoted"', "100%", "JOB", "$HOME `ls` *", "a\\b"]
    launch(tmp_path, 2, 'printf "%s\\n" "$@" >"out$SHARD"', *words)
    assert (tmp_path / "out1").read_text().splitlines() == words
    assert (tmp_path / "out2").read_text().splitlines() == words


def test_a_log_has_a_head_the_output_and_a_status(tmp_path):
    result = launch(tmp_path, 2, "echo output; echo message >&2")
    lines = log(tmp_path, 2).splitlines()
    assert lines[0].startswith(f"# on {os.uname().nodename}, ")
    assert lines[0].endswith(", task 2 of 2")
    assert lines[1].startswith("# bash -c ")
    assert lines[2:-1] == ["output", "message"]
    assert lines[-1].startswith("# ended ") and lines[-1].endswith(", status 0")
    assert result.stderr.count("message") == 1  # of the first task


def test_only_the_first_task_is_on_the_terminal_and_knows_its_log(tmp_path):
    result = launch(tmp_path, 2, 'echo "task $SHARD, ${USS_LOG-no log}" >&2')
    assert "task 1, a log/task.1.log" in result.stderr
    assert "task 2" not in result.stderr
    assert "task 2, no log" in log(tmp_path, 2)


@pytest.mark.parametrize("where", ["launch cpu 1 log/task", "here"])
def test_a_task_that_the_system_kills_is_explained(tmp_path, where):
    """As it does where memory runs out; the program itself cannot say anything."""
    result = bash(f"{PREAMBLE}{where} bash -c 'kill -KILL $$'", tmp_path)
    assert result.returncode != 0
    assert "it was killed, probably because memory ran out" in result.stderr


def test_a_failing_task_shows_its_log_and_how_to_run_it_alone(tmp_path):
    task = 'echo "task $SHARD says $1" >&2; [ "$SHARD" != 3 ] || exit 7'
    result = launch(tmp_path, 3, task, "a 'word' and 5%")
    assert result.returncode == 1
    assert result.stdout == ""
    assert "task 3 of 3 failed, status 7" in result.stderr
    assert "    task 3 says a 'word' and 5%" in result.stderr
    command = result.stderr.splitlines()[-1]
    alone = bash(command, ROOT)
    assert alone.returncode == 7
    assert alone.stderr == "task 3 says a 'word' and 5%\n"


def test_a_failing_task_ends_the_others(tmp_path):
    task = """
        if [ "$SHARD" = 1 ]; then sleep 1000 & echo $! >child; wait; fi
        until [ -s child ]; do sleep 0.02; done; exit 1"""
    result = launch(tmp_path, 4, task)
    assert result.returncode == 1
    assert "task 2 of 4 failed" in result.stderr
    assert not is_running(int((tmp_path / "child").read_text()))
    assert not (tmp_path / "a log" / "task.3.log").exists()


def test_a_task_killed_outright_is_not_taken_for_done(tmp_path):
    assert launch(tmp_path, 2, "true").returncode == 0  # its logs end with status 0
    result = launch(tmp_path, 2, 'if [ "$SHARD" = 2 ]; then kill -9 $PPID; fi')
    assert result.returncode == 1
    assert "task 2 of 2 failed" in result.stderr


def test_a_log_that_cannot_be_written_is_a_failure(tmp_path):
    (tmp_path / "a log" / "task.1.log").mkdir(parents=True)
    result = launch(tmp_path, 1, "touch ran")
    assert result.returncode != 0
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_ends_all_tasks_and_their_children(tmp_path, number):
    task = "sleep 1000 & echo $! >child$SHARD; wait"
    process = subprocess.Popen(
        ["bash", "-c", PREAMBLE + 'launch cpu 3 log/task bash -c "$1"\necho after', "bash", task],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    children = [int(wait_for(tmp_path / f"child{i}")) for i in (1, 2)]
    process.send_signal(number)
    assert process.communicate(timeout=60)[0] == b""
    assert process.returncode == 128 + number
    assert not any(is_running(child) for child in children)
    assert not (tmp_path / "child3").exists()


def test_a_second_signal_does_not_wait_for_a_task_that_saves_itself(tmp_path):
    task = "trap 'echo asked >asked' TERM; echo $$ >task; while true; do sleep 0.05; done"
    process = subprocess.Popen(
        ["bash", "-c", PREAMBLE + 'launch cpu 1 log/task bash -c "$1"', "bash", task],
        cwd=tmp_path,
        env=environment(),
        stderr=subprocess.DEVNULL,
    )
    pid = int(wait_for(tmp_path / "task"))
    process.send_signal(signal.SIGINT)
    wait_for(tmp_path / "asked")
    assert is_running(pid)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    assert not is_running(pid)


GPUS = """
mkdir -p bin
printf "#!/bin/sh\\necho 0\\necho 1\\necho 2\\n" >bin/nvidia-smi
chmod +x bin/nvidia-smi
PATH=$PWD/bin:$PATH
unset -v CUDA_VISIBLE_DEVICES
"""
SHOW = """bash -c 'for time in 1 2; do echo "$CUDA_VISIBLE_DEVICES $SHARD" >>used; sleep 0.2; done'
"""


def devices_used(folder) -> list[str]:
    """Those that the tasks wrote, twice each; nobody wrote one's device between its two times."""
    lines = [line.split() for line in (folder / "used").read_text().splitlines()]
    devices = sorted({device for device, _ in lines})
    for device in devices:
        tasks = [task for other, task in lines if other == device]
        assert tasks[::2] == tasks[1::2]
    return devices


def test_every_task_has_a_gpu_of_its_own(tmp_path):
    bash(PREAMBLE + GPUS + f"nj=9\nlaunch gpu 7 log/task {SHOW}", tmp_path)
    assert devices_used(tmp_path) == ["0", "1", "2"]


def test_a_machine_without_driver_has_no_gpus(tmp_path):
    broken = "printf '#!/bin/sh\\necho it has failed because ...\\nexit 9\\n' >bin/nvidia-smi\n"
    script = (
        PREAMBLE
        + GPUS
        + broken
        + """launch gpu 3 log/task \\
        bash -c 'echo "${CUDA_VISIBLE_DEVICES-none}" >>used'"""
    )
    result = bash(script, tmp_path)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "used").read_text() == "none\n" * 3


def test_no_more_gpus_than_the_user_allows(tmp_path):
    allowed = "nj=9\nexport CUDA_VISIBLE_DEVICES=5,7\n"
    bash(PREAMBLE + GPUS + allowed + f"launch gpu 3 log/task {SHOW}", tmp_path)
    assert devices_used(tmp_path) == ["5", "7"]


def test_fewer_gpus_than_processes_that_train_together(tmp_path):
    result = bash(PREAMBLE + GPUS + "num_processes=4\nlaunch train 1 log/task true", tmp_path)
    assert result.returncode == 2
    assert "and there are 3: lower --num-processes" in result.stderr
    assert not list((tmp_path / "log").iterdir())


def test_hidden_gpus_are_none(tmp_path):
    script = "num_processes=4\nexport CUDA_VISIBLE_DEVICES=-1\nlaunch train 1 log/task true"
    assert bash(PREAMBLE + GPUS + script, tmp_path).returncode == 0


def test_processes_that_train_together_share_the_gpus_of_their_task(tmp_path):
    script = (
        PREAMBLE
        + GPUS
        + """num_processes=2
        launch train 2 log/task bash -c 'echo "$SHARD $SLURM_PROCID $SLURM_LOCALID $SLURM_NTASKS \
            $NUM_PROCESSES $CUDA_VISIBLE_DEVICES $MASTER_ADDR" >>seen; [ "$MASTER_PORT" -ge 10000 ]'
        launch cpu 1 log/other bash -c 'echo "${NUM_PROCESSES-alone}" >>seen'"""
    )
    assert bash(script, tmp_path).returncode == 0
    seen = [" ".join(line.split()) for line in (tmp_path / "seen").read_text().splitlines()]
    assert sorted(seen) == sorted(
        [f"{task} {rank} {rank} 2 2 0,1 127.0.0.1" for task in (1, 2) for rank in (0, 1)]
        + ["alone"]
    )


def test_a_process_that_fails_among_others_fails_the_task(tmp_path):
    script = PREAMBLE + "num_processes=3\nlaunch train 1 log/task bash -c 'exit $SLURM_PROCID'"
    result = bash(script, tmp_path)
    assert result.returncode == 1
    assert re.search("task 1 of 1 failed, status [12];", result.stderr)
