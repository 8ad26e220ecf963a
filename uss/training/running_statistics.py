"""The running statistics of a network's BatchNorms, as a training wants them after each step."""

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm


def batch_norms(model: nn.Module) -> list[_BatchNorm]:
    return [module for module in model.modules() if isinstance(module, _BatchNorm)]


class RunningStatistics:
    """Undoes what a skipped batch did to them, and lets them move less.

    All of it is decided on the device, in a handful of kernels for all BatchNorms together.

    Args:
        model: as it is trained, on its device, with the statistics that it begins with.
    """

    def __init__(self, model: nn.Module) -> None:
        self.norms = batch_norms(model)
        self.fixed = False
        buffers = [buffer for norm in self.norms for buffer in norm.buffers()]
        self.statistics = [buffer for buffer in buffers if buffer.is_floating_point()]
        self.counts = [buffer for buffer in buffers if not buffer.is_floating_point()]
        self.sizes = [buffer.numel() for buffer in self.statistics]
        self.settled = torch.cat(self.statistics) if buffers else None

    def fix(self, fixed: bool) -> None:
        """Before a step: whether the BatchNorms use their running statistics, which then stay, and
        not those of the batch."""
        self.fixed = fixed
        for norm in self.norms:
            norm.train(not fixed)

    @torch.no_grad()
    def settle(self, skipped: Tensor, factor: float) -> None:
        """After a step: as they were before it where it is `skipped` (a scalar, 1 or 0), else as if
        the BatchNorms' momentum had been this share of what it is: the less the weights move, the
        longer statistics may be averaged. (torch.compile would compile a network anew for each
        value of its momentum, and after eight of them not at all.)"""
        if self.settled is None or self.fixed:
            return
        now = torch.cat(self.statistics)
        if factor < 1:
            now = self.settled.lerp(now, factor)
        self.settled = torch.where(skipped > 0, self.settled, now)
        torch._foreach_copy_(self.statistics, self.settled.split(self.sizes))
        torch._foreach_sub_(self.counts, [skipped.to(torch.long)] * len(self.counts))
