"""Feature-wise linear modulation, here a bias only (the published separator's form)."""

import torch.nn.functional as F
from torch import Tensor, nn


class FilmNorm(nn.Module):
    """BatchNorm, a bias for each channel made from the query, leaky ReLU."""

    def __init__(self, channels: int, query_size: int):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.beta = nn.Linear(query_size, channels)

    def forward(self, x: Tensor, query: Tensor) -> Tensor:
        """x (batch, channels, frames, bins), query (batch, query_size) -> like x."""
        bias = self.beta(query)[:, :, None, None]
        return F.leaky_relu_(self.bn(x) + bias, negative_slope=0.01)
