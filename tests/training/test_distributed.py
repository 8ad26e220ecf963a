"""Training in 1, 2 and 4 processes: the same samples, losses equal to float tolerance."""

import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import torch

from tests.helpers import process_group
from tests.training import train_all
from uss import distributed
from uss.model_store import checkpoint
from uss.model_store.log_file import read_log
from uss.model_store.model_config import checkpoints

TRAINED = ("data/detector", "data/amae", "exp/one/updated")


@pytest.fixture(scope="module")
def by_world(written_recipe, make_once) -> dict[int, Path]:
    """Number of processes -> the recipe's folder after they trained everything in it."""

    def make(folder: Path) -> None:
        for world in (1, 2, 4):
            recipe = shutil.copytree(written_recipe, folder / str(world))
            statuses, output = process_group.run(world, [train_all.__file__, "one"], recipe)
            assert statuses == [0] * world, output

    made = make_once("by_world", make)
    return {world: made / str(world) for world in (1, 2, 4)}


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
@pytest.mark.parametrize("directory", TRAINED)
def test_losses_are_those_of_one_process(by_world, world, directory):
    alone, shared = (
        read_log(by_world[number] / directory / "train.jsonl") for number in (1, world)
    )
    assert [line["step"] for line in shared] == list(range(1, train_all.STEPS + 1))
    for one, other in zip(alone, shared, strict=True):
        assert one.keys() == other.keys()
        # Adam turns the rounding of a gradient near zero into whole steps, so errors grow.
        tolerance = 1e-6 if one["step"] == 1 else 1e-3
        assert other["loss"] == pytest.approx(one["loss"], rel=tolerance), one["step"]


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
def test_the_average_of_the_weights_is_that_of_one_process(by_world, world):
    alone, shared = (
        checkpoint.load_newest(by_world[number] / "exp/one/updated") for number in (1, world)
    )
    error, distance = (
        sum((one["model"][key] - other[key]).abs().sum() for key in one["model"])
        for one, other in ((alone, shared["model"]), (shared, shared["last_weights"]))
    )
    assert error < 0.05 * distance


@pytest.mark.slow
@pytest.mark.parametrize("world", [2, 4])
def test_the_norm_of_a_shared_batch_is_that_of_the_whole(by_world, world):
    alone = torch.load(by_world[1] / "norms_0.pt")
    shared = [torch.load(by_world[world] / f"norms_{rank}.pt") for rank in range(world)]
    for key, expected in alone.items():
        if "output" in key or "input" in key:
            assert torch.allclose(torch.cat([part[key] for part in shared]), expected, atol=1e-5)
        else:
            for part in shared:
                assert torch.allclose(part[key], expected, rtol=1e-5, atol=1e-5), key
                assert torch.equal(part[key], shared[0][key]), key


def start_training(recipe: Path) -> tuple[list[subprocess.Popen], Path]:
    """Two processes that have done two steps of many, and the training's directory."""
    command = ["-m", "uss.bin.train", "--name=one", "--systems=resunet"]
    command += ["--set=train.steps=10000", "--set=train.log_steps=1"]
    processes = process_group.start(2, command, recipe)
    directory = recipe / "exp" / "one" / "resunet"
    while len(read_log(directory / "train.jsonl")) < 2:
        time.sleep(0.02)
    return processes, directory


@pytest.mark.slow
def test_a_signal_to_one_process_stops_all_after_the_same_step(recipe):
    """(That they go on to the weights of an undisturbed run: tests/slurm/test_preemption.py.)"""
    processes, directory = start_training(recipe)
    processes[1].send_signal(signal.SIGUSR2)
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    assert [process.returncode for process in processes] == [75, 75], outputs
    ((step, _),) = checkpoints(directory)
    assert read_log(directory / "train.jsonl")[-1]["step"] == step
    assert f"stopped after step {step}" in outputs[0]
    assert [path.name for path in directory.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_a_process_that_is_killed_ends_the_others(recipe):
    processes, _ = start_training(recipe)
    processes[1].kill()
    output = processes[0].communicate(timeout=300)[0]
    processes[1].communicate()
    assert processes[0].returncode == 1
    assert "another process ended, so this one does" in output.splitlines()[-1]
    assert "Traceback" not in output


def test_what_is_wrong_with_the_processes_is_said(monkeypatch):
    for name, value in process_group.variables(rank=0, world=4, port=1).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValueError, match="batch_size 6 is not a multiple of the 4 processes"):
        distributed.start(6)
    monkeypatch.setenv("SLURM_NTASKS", "3")
    with pytest.raises(ValueError, match="4 processes were asked for and 3 started"):
        distributed.start(8)
    monkeypatch.delenv("SLURM_NTASKS")
    with pytest.raises(ValueError, match="SLURM_NTASKS is no whole number"):
        distributed.world()


def test_within_a_slurm_job_a_process_is_alone_unless_it_was_asked(monkeypatch):
    monkeypatch.setenv("SLURM_NTASKS", "8")
    monkeypatch.setenv("SLURM_PROCID", "3")
    assert (distributed.rank(), distributed.world()) == (0, 1)
    assert distributed.share([1, 2, 3]) == [1, 2, 3]
    assert distributed.any_of(True, False) == [True, False]
    assert distributed.mean_figures({"loss": torch.tensor(1.5)}) == {"loss": 1.5}


def test_processes_that_cannot_meet(monkeypatch):
    """The port is another program's."""
    with socket.create_server(("0.0.0.0", 0)) as server:
        variables = {"NUM_PROCESSES": 2, "SLURM_NTASKS": 2, "SLURM_PROCID": 0, "SLURM_LOCALID": 0}
        variables |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": server.getsockname()[1]}
        for name, value in variables.items():
            monkeypatch.setenv(name, str(value))
        with pytest.raises(ValueError, match="2 processes cannot meet at 127.0.0.1:"):
            distributed.start(batch_size=4)
