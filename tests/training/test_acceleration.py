"""bfloat16 and compilation. Both are for GPUs; bfloat16 is tried on the CPU too, which has it."""

from functools import partial
from pathlib import Path

import pytest
import torch

from tests.models import small
from uss.bin import train
from uss.training import acceleration, separation
from uss.training.train_log import read_log

CPU = torch.device("cpu")


def trained(name, steps=40):
    train.main(["--name", name, "--systems", "updated", f"--set=train.steps={steps}"])
    return read_log(Path("exp") / name / "updated" / "train.jsonl")


def test_bfloat16_learns_as_float32_does(amae, monkeypatch):
    exact = trained("exact")
    monkeypatch.setattr(torch, "compile", lambda function: function)
    monkeypatch.setattr(
        separation, "accelerate", lambda model, device: acceleration.speed_up(model, device.type)
    )
    fast = trained("fast")
    assert [line["loss"] for line in fast] != [line["loss"] for line in exact]
    assert fast[-1]["loss"] < 0.9 * fast[0]["loss"]
    for one, other in zip(exact, fast, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=0.05)
        assert one["sdri"] == pytest.approx(other["sdri"], abs=0.5)


def test_what_is_not_a_network_stays_in_float32(monkeypatch):
    """And so does what a frozen A-MAE gives: the features of the cache."""
    monkeypatch.setattr(torch, "compile", lambda function: function)
    mixture, condition = small.noise(), torch.rand(2, small.CONDITION_SIZE)
    for updated in (False, True):
        one = small.separator("paper", updated=updated).eval()
        other = small.separator("paper", updated=updated).eval()
        acceleration.speed_up(other, "cpu")
        with torch.no_grad():
            assert torch.equal(one.amae.fbank(mixture), other.amae.fbank(mixture))
            assert torch.equal(one.amae(mixture), other.amae(mixture)) != updated
            separated = other(mixture, condition)
        assert separated.dtype == torch.float32
        assert not torch.equal(separated, one(mixture, condition))
        assert list(one.state_dict()) == list(other.state_dict())


def test_a_network_is_compiled_once_for_training_and_once_for_evaluation(recipe, monkeypatch):
    """Whatever changes from step to step, the BatchNorms' momentum among it."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    monkeypatch.setattr(
        separation, "accelerate", lambda model, device: acceleration.speed_up(model, device.type)
    )
    options = ["--set=train.steps=5", "--set=train.decay_steps=4"]
    train.main(["--name", "decay", "--systems", "resunet", *options])
    assert len(graphs) == 2


def test_a_cpu_is_left_as_it_is():
    separator = small.separator("paper", updated=True)
    acceleration.accelerate(separator, CPU)
    assert "forward" not in vars(separator.network)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("updated", [False, True])
def test_on_a_gpu_compiled(updated):
    device = torch.device("cuda")
    separators = [small.separator("paper", updated=updated).to(device) for _ in range(2)]
    acceleration.accelerate(separators[1], device)
    assert "forward" in vars(separators[1].network)
    mixture = small.noise(8).to(device)
    condition = torch.rand(8, small.CONDITION_SIZE, device=device)
    one, other = (separator(mixture, condition) for separator in separators)
    assert (one - other).abs().max() < 0.1 * one.abs().max()
    other.square().mean().backward()
    assert all(p.grad is not None for p in separators[1].network.parameters())
