"""Feature-wise linear modulation, here a bias only (the published separator's form)."""

import torch.nn.functional as F
from torch import Tensor, nn


class FilmNorm(nn.Module):
    """BatchNorm, a bias for each channel made from the condition, leaky ReLU."""

    def __init__(self, channels: int, condition_size: int):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.beta = nn.Linear(condition_size, channels)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        """x (batch, channels, frames, bins), condition (batch, condition_size) -> like x."""
        bias = self.beta(condition)[:, :, None, None]
        return F.leaky_relu_(self.bn(x) + bias, negative_slope=0.01)
