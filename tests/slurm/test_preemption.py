"""A training on two nodes that a job of a higher partition preempts."""

import subprocess
from pathlib import Path

import pytest
import torch

from tests.helpers.bash import ROOT, bash, environment
from tests.helpers.training_recipe import write_recipe
from tests.slurm.jobs import ask, wait_until
from uss.model_store import checkpoint
from uss.model_store.log_file import read_log
from uss.model_store.model_config import checkpoints

pytestmark = pytest.mark.slow

SCRIPT = f"""set -euo pipefail
. '{ROOT}/path.sh'
. '{ROOT}/tools/launch.sh'
launcher=$1 num_processes=2
launch train 1 exp/$1/log/train python -m uss.bin.train --name "$1" --systems resunet \\
    --set train.steps=100 --set train.log_steps=1
"""


@pytest.fixture
def recipe(tmp_path) -> Path:
    write_recipe(tmp_path)
    (tmp_path / "conf" / "slurm.conf").write_text("cpu\ngpu\ntrain --nodes=2\n")
    return tmp_path


def lines(directory: Path) -> list[dict]:
    """Of the training's log, without times."""
    log = read_log(directory / "train.jsonl")
    return [{key: value for key, value in line.items() if key != "seconds"} for line in log]


def test_ends_with_the_weights_of_an_undisturbed_run(cluster, recipe):
    done = bash(SCRIPT, recipe, "local", **cluster)
    assert done.returncode == 0, done.stderr
    directory = recipe / "exp" / "slurm" / "resunet"
    process = subprocess.Popen(
        ["bash", "-c", SCRIPT, "bash", "slurm"],
        cwd=recipe,
        env=environment(**cluster),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    wait_until(lambda: len(read_log(directory / "train.jsonl")) >= 3)
    # All CPUs of both nodes, so that the training must make room.
    ask(cluster, "sbatch", "--partition=urgent", "--ntasks=4", "--output=/dev/null", "--wrap=true")
    wait_until(lambda: checkpoints(directory))
    stopped_after = checkpoints(directory)[-1][0]
    errors = process.communicate(timeout=300)[1]
    assert process.returncode == 0, errors
    assert 3 <= stopped_after < 100
    log = (recipe / "exp" / "slurm" / "log" / "train.1.log").read_text()
    assert log.count("# on ") == 2 and "status 75: goes on later" in log
    assert f"goes on from step {stopped_after}" in log
    once, twice = (
        checkpoint.load_newest(recipe / "exp" / name / "resunet") for name in ("local", "slurm")
    )
    for key, tensor in once["model"].items():
        assert torch.equal(tensor, twice["model"][key]), key
    assert lines(recipe / "exp" / "local" / "resunet") == lines(directory)
