"""The exponential moving average of a network's weights over the steps of a training."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class WeightsAverage:
    """average = d average + (1 - d) weights after each step, of parameters and of the BatchNorms'
    running statistics alike; the number of batches that these have seen is the newest one.

    d = min(decay, (1 + n) / (10 + n)) after n steps before: a short training, and the start of a
    long one, are averaged over about their last tenth, not over the initial weights.

    Args:
        model: as it is trained, on its device; its tensors are updated in place.
        decay: from 0 to below 1.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.weights = model.state_dict()  # the model's own tensors
        self.average = {key: tensor.clone() for key, tensor in self.weights.items()}

    @torch.no_grad()
    def update(self, step: int, skipped: Tensor) -> None:
        """Take in the weights after a step, counted from 0; nothing where it is `skipped` (a
        scalar, 1 or 0)."""
        share = (1 - skipped) * (1 - min(self.decay, (1 + step) / (10 + step)))
        averages, weights = self._pairs(floating=True)
        moves = torch._foreach_sub(weights, averages)
        torch._foreach_mul_(moves, share)
        torch._foreach_add_(averages, moves)
        counts, newest = self._pairs(floating=False)
        if counts:  # torch refuses an empty list
            torch._foreach_copy_(counts, newest)

    def _pairs(self, floating: bool) -> tuple[list[Tensor], list[Tensor]]:
        keys = [key for key, one in self.average.items() if one.is_floating_point() == floating]
        return [self.average[key] for key in keys], [self.weights[key] for key in keys]

    def take_over(self) -> None:
        """The average becomes what the model's weights are now."""
        _copy(self.weights, self.average)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model has the average as its weights while the block runs."""
        before = {key: tensor.clone() for key, tensor in self.weights.items()}
        _copy(self.average, self.weights)
        try:
            yield
        finally:
            _copy(before, self.weights)


@torch.no_grad()
def _copy(source: dict[str, Tensor], target: dict[str, Tensor]) -> None:
    for key, tensor in target.items():
        tensor.copy_(source[key])
