"""What differs from site to site: the caller's variables and limits, greetings, a busy controller,
being inside a job, and what stands in conf/slurm.conf.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.bash import environment, make_recipe
from tests.helpers.processes import wait_for
from tests.slurm.jobs import ask, states, wait_until

pytestmark = pytest.mark.slow

STAGE = """
stage_1() { launch cpu 2 data/log/task bash -c 'python -c "import sys; print(sys.executable)"
    env; ulimit -n; echo "$SHARD/$NUM_SHARDS"; echo to stderr >&2'; }
"""
OPTIONS = ["--stage=1", "--stop-stage=1", "--launcher=slurm"]


@pytest.fixture
def recipe(tmp_path) -> Path:
    return make_recipe(tmp_path, STAGE)


def run(cluster, recipe: Path, *before: str, **variables: str) -> subprocess.CompletedProcess:
    """run.sh with the tasks on the cluster, called by the command `before`."""
    return subprocess.run(
        [*before, recipe / "run.sh", *OPTIONS],
        env=environment(**cluster, **variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
    )


def log(recipe: Path, task: int) -> list[str]:
    return (recipe / "data" / "log" / f"task.{task}.log").read_text().splitlines()


def assert_tasks_ran(recipe: Path, result: subprocess.CompletedProcess) -> None:
    assert result.returncode == 0, result.stderr
    python = shutil.which("python", path=environment()["PATH"])
    for task in (1, 2):
        assert {python, f"{task}/2", "to stderr", "OMP_NUM_THREADS=1"} <= set(log(recipe, task))


def put_before(folder: Path, program: str, script: str) -> str:
    """A PATH in which a bash script, which may call `real`, stands for one of Slurm's programs."""
    folder.mkdir(exist_ok=True)
    real = shutil.which(program)
    (folder / program).write_text(f'#!/bin/bash\nreal() {{ {real} "$@"; }}\n{script}\n')
    (folder / program).chmod(0o755)
    return f"{folder}:{environment()['PATH']}"


@pytest.mark.parametrize(
    "variables",
    [
        {"SBATCH_EXPORT": "NONE"},
        {"SLURM_EXPORT_ENV": "NONE", "SRUN_EXPORT_ENV": "NONE"},
        {
            "SBATCH_ARRAY_INX": "7",
            "SBATCH_JOB_NAME": "mine",
            "SBATCH_OUTPUT": "/dev/null",
            "SBATCH_ERROR": "/dev/null",
            "SBATCH_TEST_ONLY": "1",
            "SBATCH_MEM_PER_NODE": "100",
            "SBATCH_GPUS_PER_TASK": "9",
            "SBATCH_NO_REQUEUE": "1",
        },
        {"SQUEUE_FORMAT": "%j %u", "SQUEUE_FORMAT2": "jobid", "SQUEUE_STATES": "FAILED"},
        {
            "SLURM_NTASKS": "3",
            "SLURM_NTASKS_PER_NODE": "3",
            "SLURM_CPUS_PER_TASK": "64",
            "SLURM_TRES_PER_TASK": "cpu=64",
            "SLURM_MEM_PER_NODE": "100",
            "SLURM_MEM_PER_CPU": "100",
            "SLURM_MEM_PER_GPU": "100",
            "SLURM_LABELIO": "1",
            "SLURM_STDOUTMODE": "/dev/null",
            "SLURM_JOB_ID": "999",
            "SLURM_NODELIST": "node9",
            "SLURM_HINT": "nomultithread",
            "SLURM_GPUS_PER_TASK": "9",
        },
    ],
    ids=lambda variables: next(iter(variables)),
)
def test_variables_of_the_caller_do_not_change_what_is_submitted(cluster, recipe, variables):
    (recipe / "conf" / "slurm.conf").write_text("cpu --mem-per-cpu=10\ngpu\ntrain\n")
    assert_tasks_ran(recipe, run(cluster, recipe, **variables))
    assert not any(f"{key}={value}" in log(recipe, 1) for key, value in variables.items())


def test_a_site_may_hand_over_nothing_of_the_environment(cluster, recipe):
    (recipe / "conf" / "slurm.conf").write_text("cpu --export=NONE\ngpu\ntrain\n")
    assert_tasks_ran(recipe, run(cluster, recipe, OF_THE_CALLER="yes", **{"LANG": "C"}))
    assert "OF_THE_CALLER=yes" not in log(recipe, 1)


def test_an_account_and_a_partition_may_be_variables(cluster, recipe):
    result = run(cluster, recipe, SBATCH_PARTITION="none such")
    assert result.returncode == 1 and "invalid partition" in result.stderr


def test_limits_of_the_login_node_stay_there(cluster, recipe):
    own = subprocess.run(["bash", "-c", "ulimit -n"], capture_output=True, text=True).stdout.strip()
    assert own != "333"
    result = run(cluster, recipe, "bash", "-c", 'ulimit -n 333; exec "$@"', "bash")
    assert_tasks_ran(recipe, result)
    assert "333" not in log(recipe, 1)


GREETING = "echo; echo '  Welcome, user 7'; echo 12; echo; echo On stderr too >&2; sleep 0.5\n"


def test_a_greeting_is_no_job(cluster, recipe, tmp_path):
    script = GREETING + 'real "$@"; status=$?; echo Bye; exit $status'
    for program in ("sbatch", "squeue", "scontrol"):
        path = put_before(tmp_path / "bin", program, script)
    result = run(cluster, recipe, PATH=path)
    assert_tasks_ran(recipe, result)
    assert "On stderr too" in result.stderr and "first waits" not in result.stderr


ONCE = 'echo "slurm error: Unable to contact slurm controller (connect failure)" >&2; exit 1'


@pytest.mark.parametrize("program", ["squeue", "sbatch"])
def test_a_controller_that_does_not_answer_once_is_asked_again(cluster, recipe, tmp_path, program):
    once = f'[ -e {tmp_path}/once ] || {{ touch {tmp_path}/once; {ONCE}; }}\nreal "$@"'
    path = put_before(tmp_path / "bin", program, once)
    result = run(cluster, recipe, PATH=path)
    assert_tasks_ran(recipe, result)
    assert (tmp_path / "once").exists()
    assert "does not answer" not in result.stderr


def test_a_requeue_is_tried_again(cluster, tmp_path):
    stage = """
    stage_1() { launch cpu 1 data/log/task bash -c '[ ! -e saved ] || exit 0
        touch started; trap "touch saved; exit 75" USR2; while true; do sleep 0.1; done'; }"""
    recipe = make_recipe(tmp_path, stage)
    once = f'[ "$1" != requeue ] || [ -e {tmp_path}/once ] || {{ touch {tmp_path}/once; {ONCE}; }}'
    path = put_before(tmp_path / "bin", "scontrol", once + '\nreal "$@"')
    process = subprocess.Popen(
        [recipe / "run.sh", *OPTIONS],
        env=environment(**cluster, PATH=path),
        stderr=subprocess.PIPE,
        text=True,
    )
    job = wait_for(recipe / "data" / "log" / "task.job").strip()
    wait_until(lambda: (recipe / "started").exists())
    ask(cluster, "scancel", "--signal=USR2", f"{job}_1")
    errors = process.communicate(timeout=300)[1]
    assert process.returncode == 0, errors
    assert (tmp_path / "once").exists()


def test_inside_an_allocation(cluster, recipe):
    (recipe / "conf" / "slurm.conf").write_text("cpu --mem-per-cpu=10\ngpu\ntrain\n")
    options = ["--mem=500", "--ntasks=1", "--ntasks-per-node=1", "--quiet"]
    assert_tasks_ran(recipe, run(cluster, recipe, "salloc", *options))


@pytest.mark.parametrize("launcher", ["slurm", "local"])
@pytest.mark.parametrize("from_elsewhere", [False, True])
def test_run_sh_as_a_job(cluster, tmp_path, launcher, from_elsewhere):
    """sbatch runs a copy of run.sh elsewhere, in the folder in which it was called."""
    recipe = make_recipe(tmp_path)
    text = (recipe / "run.sh").read_text()
    assert text.rstrip().endswith('run_stages "$@"')
    last = (
        "stage_1() { launch cpu 1 data/log/task bash -c 'echo here >done'; }\nrun_stages \"$@\"\n"
    )
    (recipe / "run.sh").write_text(text.replace('run_stages "$@"\n', last))
    output = tmp_path / "output"
    options = ["--stage=1", "--stop-stage=1", f"--launcher={launcher}", "--nj=1"]
    job = subprocess.run(
        ["sbatch", "--wait", f"--output={output}", recipe / "run.sh", *options],
        cwd=tmp_path if from_elsewhere else recipe,
        env=environment(**cluster),
        timeout=300,
    )
    if from_elsewhere:
        assert job.returncode == 1
        assert "cd egs/mini && ./run.sh, or sbatch ./run.sh" in output.read_text()
    else:
        assert job.returncode == 0, output.read_text()
        assert (recipe / "done").exists()


def test_nobody_works_here_beside_an_array_that_lives_on(cluster, tmp_path):
    """The tasks of an array do not hold the lock, which ended with run.sh."""
    stage = (
        "stage_1() { launch cpu 1 data/log/task bash -c 'until [ -e go ]; do sleep 0.1; done'; }"
    )
    recipe = make_recipe(tmp_path, stage)
    first = subprocess.Popen([recipe / "run.sh", *OPTIONS], env=environment(**cluster))
    job = wait_for(recipe / "data" / "log" / "task.job").strip()
    wait_until(lambda: states(cluster, job) == ["RUNNING"])
    first.kill()
    first.wait()
    local = [recipe / "run.sh", *OPTIONS[:2]]
    variables = environment(**cluster, SQUEUE_STATES="FAILED")
    beside = subprocess.run(local, env=variables, capture_output=True, text=True, timeout=60)
    assert beside.returncode == 1
    assert (
        f"launch: the jobs {job}_1 of an earlier run.sh write to {recipe}/data/log" in beside.stderr
    )
    (recipe / "go").touch()
    wait_until(lambda: not ask(cluster, "squeue", "--noheader"))
    assert subprocess.run(local, env=variables, timeout=60).returncode == 0


def test_flags_of_slurm_conf_arrive(cluster, recipe):
    """Written by an editor of another system; an accounting comment is kept."""
    content = (
        "\ufeff# a site's\r\ncpu\t--comment=project#7\t# its account\r\ngpu\r\ntrain --nodes=1"
    )
    (recipe / "conf" / "slurm.conf").write_text(content, newline="")
    seen = recipe / "comment"
    stage = f"""stage_1() {{ launch cpu 1 data/log/task \\
        bash -c 'scontrol --oneliner show job "$SLURM_JOB_ID" >"{seen}"'; }}\nrun_stages"""
    text = (recipe / "run.sh").read_text().replace("run_stages", stage)
    (recipe / "run.sh").write_text(text)
    result = run(cluster, recipe)
    assert result.returncode == 0, result.stderr
    assert " Comment=project#7 " in seen.read_text()


def test_a_path_that_is_hard_to_quote(cluster, tmp_path):
    recipe = make_recipe(tmp_path / 'two\nlines "quoted" it\'s 50%j', STAGE)
    assert_tasks_ran(recipe, run(cluster, recipe))
    assert os.listdir(recipe / "data" / "log")
