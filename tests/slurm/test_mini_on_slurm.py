"""The mini recipe, reduced, with --launcher slurm on two nodes."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.helpers.processes import wait_for
from tests.helpers.recipe_runs import SYSTEMS, command, copy_recipe, run
from tests.slurm.jobs import wait_until

pytestmark = pytest.mark.slow


def test_all_stages_give_the_results_of_the_local_run(cluster, undisturbed, tmp_path):
    recipe = copy_recipe("mini", tmp_path)
    run(recipe, "--launcher", "slurm", "--nj", "2", *SYSTEMS, variables=cluster)
    for name in ("results.csv", "results_sed.csv", "table1.md"):
        mine, theirs = (path / "exp" / "default" / name for path in (recipe, undisturbed))
        assert mine.read_bytes() == theirs.read_bytes(), name


def test_a_killed_shard_is_named_and_alone_computed_again(cluster, undisturbed, tmp_path):
    recipe = copy_recipe("mini", tmp_path)
    shutil.copytree(undisturbed / "data", recipe / "data", ignore=without_waveforms)
    options = ("--launcher", "slurm", "--nj", "3", "--stage", "1", "--stop-stage", "1")
    process = subprocess.Popen(
        command(*options), cwd=recipe, env=os.environ | cluster, stderr=subprocess.PIPE, text=True
    )
    job = wait_for(recipe / "data" / "log" / "resample.job").strip()
    wait_until(lambda: program_of(job, 2))
    os.kill(program_of(job, 2), signal.SIGKILL)
    errors = process.communicate(timeout=300)[1]
    assert process.returncode == 1
    assert "task 2 of 3 failed, status 137;" in errors
    assert f"of job {job} failed: task(s) 2;" in errors
    parts = sorted((recipe / "data").glob("*/waveforms/part_*.h5"))
    assert len(parts) == 4
    before = [path.stat().st_mtime_ns for path in parts]
    run(recipe, *options, variables=cluster)
    assert [path.stat().st_mtime_ns for path in parts] == before
    assert len(list((recipe / "data").glob("*/waveforms/part_*.h5"))) == 6


def without_waveforms(folder: str, names: list[str]) -> list[str]:
    return [name for name in names if name in ("waveforms", "log")]


def program_of(job: str, task: int) -> int | None:
    """Process id of the Python that works on a task; its nodes are on this machine."""
    wanted = {f"SLURM_ARRAY_JOB_ID={job}", f"SLURM_ARRAY_TASK_ID={task}"}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_text().split("\0")
            variables = set((folder / "environ").read_text(errors="replace").split("\0"))
        except OSError:
            continue
        if "python" in words[0] and "uss.bin.resample" in words and wanted <= variables:
            return int(folder.name)
    return None
