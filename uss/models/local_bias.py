"""A bias for each cell of a map, from tokens that lie on a grid of time and frequency."""

from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.audio_mae import PATCH

SIZE = 32  # values of a token, and as many again of the token times the query


class TokenGrid(NamedTuple):
    """What the U-Net's levels take their local biases from.

    values (batch, 2 SIZE, columns, mel patches); to_bins (mel patches, bins) weights whose sum is 1
    in each bin; num_frames: of the U-Net's input.
    """

    values: Tensor
    to_bins: Tensor
    num_frames: int


class LocalBias(nn.Module):
    """A 1x1 projection of the grid to a level's channels; zero before any training."""

    def __init__(self, channels: int):
        super().__init__()
        self.projection = nn.Conv2d(2 * SIZE, channels, kernel_size=1, bias=False)
        nn.init.zeros_(self.projection.weight)

    def forward(self, grid: TokenGrid, num_frames: int, num_bins: int) -> Tensor:
        """-> (batch, channels, num_frames, num_bins), a level's cells.

        A column lasts 16 frames of the input. Cells longer than that take the mean of their
        columns, and bins that a level has joined the mean of their weights.
        """
        to_bins = grid.to_bins.unflatten(1, (num_bins, -1)).mean(dim=2)
        x = self.projection(grid.values) @ to_bins
        frames_per_cell = grid.num_frames // num_frames
        if frames_per_cell <= PATCH:
            x = x.repeat_interleave(PATCH // frames_per_cell, dim=2)
        else:
            columns = (frames_per_cell // PATCH, 1)
            x = F.avg_pool2d(x, columns, ceil_mode=True, count_include_pad=False)
        return F.pad(x[:, :, :num_frames], (0, 0, 0, max(0, num_frames - x.shape[2])))
