"""Run in each of the processes of a test: what is compared between 1, 2 and 4 of them.

    python train_all.py NAME

Trains the detector, the A-MAE and a separator of the recipe in the working directory for a few
steps; then writes norms_<rank>.pt: a
BatchNorm's output, gradients and statistics on this process's share of a batch.
"""

import sys

import torch
from torch import nn

from uss import distributed
from uss.bin import train, train_amae
from uss.bin import train_detector as train_detector
from uss.training.batch_norm import synchronise
from uss.training.train_log import TrainLog

STEPS = 6


def batch_norm() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    result = {}
    for shape in ((8, 3, 5), (8, 3, 4, 5)):
        layer = nn.BatchNorm1d(3) if len(shape) == 3 else nn.BatchNorm2d(3)
        norm = synchronise(nn.Sequential(layer))
        with torch.no_grad():
            norm[0].weight.copy_(torch.tensor([0.5, 1.0, 2.0]))
        whole = 3 + 2 * torch.randn(shape, generator=generator)
        weights = torch.randn(shape, generator=generator)
        x = distributed.share(whole).clone().requires_grad_()
        y = norm(x)
        (y.square() * distributed.share(weights)).sum().backward()
        gradients = [norm[0].weight.grad, norm[0].bias.grad]
        distributed.average(gradients)
        result |= {
            f"output {len(shape)}": y.detach(),
            f"input gradient {len(shape)}": x.grad,
            f"weight gradient {len(shape)}": gradients[0] * distributed.world(),
            f"bias gradient {len(shape)}": gradients[1] * distributed.world(),
            **{f"{name} {len(shape)}": value for name, value in norm[0].state_dict().items()},
        }
        norm.eval()
        result[f"eval output {len(shape)}"] = norm(x).detach()
    return result


def main(name: str) -> None:
    TrainLog.plot = lambda self: None
    short = (f"training.steps={STEPS}", "training.log_steps=1", "training.learning_rate=0.001")
    train_detector.main([f"--set=detector.{key}" for key in short])
    given = ("model.mean=-4.0", "model.std=2.5")
    train_amae.main(["--systems=updated", *(f"--set=amae.{key}" for key in (*short, *given))])
    settings = (f"steps={STEPS}", "log_steps=1", "warmup_steps=0", "weights_average=0.5")
    options = [f"--set=train.{key}" for key in settings]
    train.main([f"--name={name}", "--systems", "updated", *options])
    torch.save(batch_norm(), f"norms_{distributed.rank()}.pt")


if __name__ == "__main__":
    main(sys.argv[1])
