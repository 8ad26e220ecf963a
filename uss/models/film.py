"""Feature-wise linear modulation, here a bias only (the published separator's form)."""

import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.local_bias import LocalBias, TokenGrid


class FilmNorm(nn.Module):
    """BatchNorm, a bias for each channel made from the query, leaky ReLU.

    local: a second bias, for each cell, of the fusion `film`; None elsewhere.
    """

    def __init__(self, channels: int, query_size: int):
        super().__init__()
        self.bn = nn.BatchNorm2d(channels)
        self.beta = nn.Linear(query_size, channels)
        self.local: LocalBias | None = None

    def forward(self, x: Tensor, query: Tensor, grid: TokenGrid | None) -> Tensor:
        """x (batch, channels, frames, bins), query (batch, query_size) -> like x."""
        bias = self.beta(query)[:, :, None, None]
        if self.local is not None:
            assert grid is not None, "the fusion film gives its grid to every level"
            bias = bias + self.local(grid, x.shape[2], x.shape[3])
        return F.leaky_relu_(self.bn(x).add_(bias), negative_slope=0.01)
