"""bfloat16 and compilation. Both are for GPUs; bfloat16 is tried on the CPU too, which has it."""

import shutil
from functools import partial
from pathlib import Path

import pytest
import torch

from tests.helpers import small_networks
from uss.bin import train, train_amae
from uss.layout import AMAE
from uss.model_store.log_file import read_log
from uss.training import acceleration, masked_autoencoding
from uss.training import separation_task as separation

CPU = torch.device("cpu")


def force(monkeypatch, module):
    """Makes a task's networks fast as a GPU would."""
    monkeypatch.setattr(
        module, "accelerate", lambda fast, device: acceleration.speed_up(fast, device.type)
    )


def count_graphs(monkeypatch):
    """A list that grows with each graph that is compiled."""
    graphs = []

    def backend(graph, inputs):
        graphs.append(graph)
        return graph

    monkeypatch.setattr(torch, "compile", partial(torch.compile, backend=backend))
    return graphs


def trained(name, steps=40):
    train.main(["--name", name, "--systems", "updated", f"--set=train.steps={steps}"])
    return read_log(Path("exp") / name / "updated" / "train.jsonl")


@pytest.mark.slow
def test_bfloat16_learns_as_float32_does(amae, monkeypatch):
    exact = trained("exact")
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    force(monkeypatch, separation)
    fast = trained("fast")
    assert [line["loss"] for line in fast] != [line["loss"] for line in exact]
    assert fast[-1]["loss"] < 0.9 * fast[0]["loss"]
    for one, other in zip(exact, fast, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=0.05)
        assert one["sdri"] == pytest.approx(other["sdri"], abs=0.5)


def test_what_is_not_a_network_stays_in_float32(monkeypatch):
    """And so does what a frozen A-MAE gives: the features of the cache."""
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    mixture, query = small_networks.noise(), torch.rand(2, small_networks.QUERY_SIZE)
    for updated in (False, True):
        one = small_networks.separator("paper", updated=updated).eval()
        other = small_networks.separator("paper", updated=updated).eval()
        acceleration.speed_up(acceleration.separator_networks(other), "cpu")
        with torch.no_grad():
            assert torch.equal(one.amae.fbank(mixture), other.amae.fbank(mixture))
            assert torch.equal(one.amae(mixture), other.amae(mixture)) != updated
            separated = other(mixture, query)
        assert separated.dtype == torch.float32
        assert not torch.equal(separated, one(mixture, query))
        assert list(one.state_dict()) == list(other.state_dict())


@pytest.mark.slow
def test_a_network_is_compiled_once_for_training_and_once_for_evaluation(recipe, monkeypatch):
    """Whatever changes from step to step, the BatchNorms' momentum among it."""
    graphs = count_graphs(monkeypatch)
    force(monkeypatch, separation)
    options = ["--set=train.steps=5", "--set=train.decay_steps=4"]
    train.main(["--name", "decay", "--systems", "resunet", *options])
    assert len(graphs) == 2


def pretrained_amae(depth, steps):
    settings = (f"model.depth={depth}", f"training.steps={steps}")
    train_amae.main(["--systems", "frozen", *(f"--set=amae.{setting}" for setting in settings)])
    return read_log(AMAE / "train.jsonl")


@pytest.mark.slow
def test_an_amae_is_pretrained_in_bfloat16_as_in_float32(recipe, monkeypatch):
    exact = pretrained_amae(depth=2, steps=20)
    shutil.rmtree(AMAE)
    monkeypatch.setattr(torch, "compile", lambda function, **_: function)
    force(monkeypatch, masked_autoencoding)
    fast = pretrained_amae(depth=2, steps=20)
    assert [line["loss"] for line in fast] != [line["loss"] for line in exact]
    for one, other in zip(exact, fast, strict=True):
        assert one["loss"] == pytest.approx(other["loss"], rel=0.01)


@pytest.mark.slow
def test_all_blocks_of_an_amae_are_compiled_once_together(recipe, monkeypatch):
    """More than torch.compile would compile one by one (8): encoder and decoder, for training and
    for evaluation."""
    graphs = count_graphs(monkeypatch)
    force(monkeypatch, masked_autoencoding)
    pretrained_amae(depth=10, steps=2)
    assert len(graphs) == 4


def test_a_cpu_is_left_as_it_is():
    separator = small_networks.separator("paper", updated=True)
    acceleration.accelerate(acceleration.separator_networks(separator), CPU)
    assert "forward" not in vars(separator.network)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
@pytest.mark.parametrize("updated", [False, True])
def test_on_a_gpu_compiled(updated):
    device = torch.device("cuda")
    separators = [small_networks.separator("paper", updated=updated).to(device) for _ in range(2)]
    acceleration.accelerate(acceleration.separator_networks(separators[1]), device)
    assert "forward" in vars(separators[1].network)
    mixture = small_networks.noise(8).to(device)
    query = torch.rand(8, small_networks.QUERY_SIZE, device=device)
    one, other = (separator(mixture, query) for separator in separators)
    assert (one - other).abs().max() < 0.1 * one.abs().max()
    other.square().mean().backward()
    assert all(p.grad is not None for p in separators[1].network.parameters())
