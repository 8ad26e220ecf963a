"""A task of one layer, and what its trainings leave, for tests of the loop."""

import os

import numpy as np
import torch
from torch import nn

from uss.model_store import checkpoint
from uss.model_store.log_file import read_log
from uss.schema import Training


class ToyTask:
    """Fits a sum of inputs; `before_step` is called with the number of every step."""

    def __init__(self, before_step=lambda step: None, poisoned=()):
        torch.manual_seed(0)
        self.model = nn.Sequential(nn.BatchNorm1d(4), nn.Linear(4, 1))
        self.before_step = before_step
        self.poisoned = poisoned

    def parameter_groups(self, learning_rate):
        return [
            {"params": [self.model[1].weight], "lr": learning_rate},
            {"params": [self.model[1].bias, *self.model[0].parameters()], "lr": 0.01},
        ]

    def drawn(self, step):
        """Inputs (16, 4) and targets (16, 1)."""
        x = torch.randn(16, 4, generator=torch.Generator().manual_seed(step))
        target = x.sum(dim=1, keepdim=True)
        if step in self.poisoned:
            x[0, 0] = float("nan")
        return x, target

    def batch(self, step):
        return {"x": self.drawn(step)[0].numpy()}

    def inputs(self, step):
        x, target = self.drawn(step)
        return {"x": x.numpy(), "target": target.numpy(), "step": np.array(step)}

    def loss(self, inputs):
        self.before_step(int(inputs["step"]))
        x = inputs["x"]
        loss = (self.model(x) - inputs["target"]).square().mean()
        return loss, {"mean": x.mean()}

    def evaluate(self):
        assert not self.model.training and not torch.is_grad_enabled()
        return {"score": 7.0}


def loss_of(task, step):
    """A task's loss of a step's batch."""
    return task.loss({name: torch.as_tensor(a) for name, a in task.inputs(step).items()})[0].item()


def training(steps=20, **values):
    return Training(**{"steps": steps, "log_steps": 4, "warmup_steps": 3, "threads": 1, **values})


def stop_at(step, number):
    return lambda current: os.kill(os.getpid(), number) if current == step else None


def fail_at(step):
    def check(current):
        if current == step:
            raise KeyboardInterrupt

    return check


def without_seconds(directory):
    lines = read_log(directory / "train.jsonl")
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


def assert_same(one, other):
    """Checkpoints and logs of two trainings are equal, bit for bit."""
    first, second = checkpoint.load_newest(one), checkpoint.load_newest(other)
    assert first["step"] == second["step"]
    assert first.keys() == second.keys()
    for name in {"model", "last_weights"} & first.keys():
        assert first[name].keys() == second[name].keys()
        for key, tensor in first[name].items():
            assert torch.equal(tensor, second[name][key]), key
    assert first["optimizer"].keys() == second["optimizer"].keys()
    for index, values in first["optimizer"]["state"].items():
        for key, tensor in values.items():
            assert torch.equal(tensor, second["optimizer"]["state"][index][key]), (index, key)
    assert without_seconds(one) == without_seconds(other)
