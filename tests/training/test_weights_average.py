"""The model that is the average of its weights over the steps."""

import signal

import numpy as np
import pytest
import torch

from tests.training.toy_task import ToyTask, assert_same, fail_at, stop_at, training
from uss.model_store import checkpoint
from uss.training import trainer

pytestmark = pytest.mark.usefixtures("no_plot")


def weights(task):
    return {key: tensor.double().clone() for key, tensor in task.model.state_dict().items()}


def trained(directory, task, **settings):
    trainer.train(task, training(**settings), directory)
    return checkpoint.load_newest(directory)


@pytest.mark.parametrize("decay", [0.9, 0.3])
def test_the_model_is_the_average_by_the_formula(tmp_path, decay):
    """Of parameters and running statistics; the last weights stand beside it."""
    task, seen = ToyTask(), []
    task.before_step = lambda step: seen.append(weights(task))
    state = trained(tmp_path, task, learning_rate=0.1, weights_average=decay)
    seen.append(weights(task))
    average = seen[0]
    for step, after in enumerate(seen[1:]):
        share = 1 - min(decay, (1 + step) / (10 + step))
        average = {key: value + share * (after[key] - value) for key, value in average.items()}
    for key, tensor in state["model"].items():
        if key != "0.num_batches_tracked":
            assert torch.allclose(tensor.double(), average[key], atol=1e-6), key
            assert not torch.allclose(tensor.double(), seen[-1][key], atol=1e-3), key
    assert state["model"]["0.num_batches_tracked"] == 20
    for key, tensor in state["last_weights"].items():
        assert torch.equal(tensor.double(), seen[-1][key]), key


def test_the_average_changes_nothing_that_is_trained(tmp_path):
    without = trained(tmp_path / "without", ToyTask())
    average = trained(tmp_path / "with", ToyTask(), weights_average=0.9)
    assert "last_weights" not in without
    for key, tensor in without["model"].items():
        assert torch.equal(tensor, average["last_weights"][key]), key


def test_the_average_is_what_is_evaluated(tmp_path):
    task, seen = ToyTask(), []

    def evaluate():
        seen.append(weights(task))
        return {}

    task.evaluate = evaluate
    state = trained(tmp_path, task, learning_rate=0.1, weights_average=0.9)
    for key, tensor in state["model"].items():
        assert torch.equal(tensor.double(), seen[0][key]), key
    assert not torch.equal(seen[0]["1.weight"], weights(task)["1.weight"])


def test_resume_is_exact(tmp_path):
    """After a signal, after a kill, and with more steps."""
    settings = {"learning_rate": 0.1, "weights_average": 0.9}
    trainer.train(ToyTask(), training(**settings), tmp_path / "undisturbed")
    with pytest.raises(SystemExit):
        trained(tmp_path / "resumed", ToyTask(stop_at(5, signal.SIGTERM)), **settings)
    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path / "resumed", ToyTask(fail_at(13)), **settings)
    trainer.train(ToyTask(), training(**settings), tmp_path / "resumed")
    assert_same(tmp_path / "undisturbed", tmp_path / "resumed")
    trained(tmp_path / "grown", ToyTask(), steps=12, **settings)
    grown = trained(tmp_path / "grown", ToyTask(), **settings)
    for key, tensor in checkpoint.load_newest(tmp_path / "undisturbed")["model"].items():
        assert torch.equal(tensor, grown["model"][key]), key


def test_a_batch_that_is_not_finite_leaves_the_average(tmp_path):
    clean = trained(tmp_path / "clean", ToyTask(), steps=3, weights_average=0.9)
    poisoned = trained(tmp_path / "poisoned", ToyTask(poisoned={3}), steps=4, weights_average=0.9)
    assert poisoned["num_skipped"] == 1
    for name in ("model", "last_weights"):
        for key, tensor in clean[name].items():
            assert torch.equal(tensor, poisoned[name][key]), key


def test_a_checkpoint_without_the_last_weights_is_refused(tmp_path):
    trained(tmp_path, ToyTask(), steps=3)
    with pytest.raises(ValueError, match="step_00000003.pt lacks last_weights.*another --name"):
        trained(tmp_path, ToyTask(), steps=4, weights_average=0.9)


def test_an_average_follows_better_than_the_last_weights(tmp_path):
    """What it is for: weights that jump around their goal."""
    errors = []
    for name in ("model", "last_weights"):
        state = checkpoint.load_newest(tmp_path) or trained(
            tmp_path, NoisyTask(), steps=300, learning_rate=0.3, weights_average=0.95
        )
        errors.append((state[name]["1.weight"] / state[name]["0.running_var"].sqrt()).std())
    assert errors[0] < errors[1]


class NoisyTask(ToyTask):
    def drawn(self, step):
        x, target = super().drawn(step)
        noise = np.random.default_rng(step).standard_normal(target.shape)
        return x, target + torch.from_numpy(noise).float()
