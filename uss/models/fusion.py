"""A-MAE features at the U-Net's input and where it is narrowest; `film` is in film_fusion.py."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.amae_features import spread


class ConcatFusion(nn.Module):
    """Feature columns beside the magnitude's, along frequency, with a BatchNorm of their own."""

    num_inputs = 1

    def __init__(self, kind: str, width: int, bin_multiple: int):
        super().__init__()
        if width % bin_multiple:
            raise ValueError(
                f"amae.fusion concat needs an A-MAE width that is a multiple of {bin_multiple}, "
                f"not {width}: change the width, or the fusion to channel"
            )
        self.kind = kind
        self.bn = nn.BatchNorm1d(width)

    def forward(self, x: Tensor, features: Tensor, num_frames: int) -> Tensor:
        """x (batch, 1, padded frames, bins), features (batch, steps, width) -> more bins."""
        features = self.bn(features.transpose(1, 2)).transpose(1, 2)
        features = spread(features, self.kind, num_frames, x.shape[2])
        return torch.cat((x, features.unsqueeze(1)), dim=3)


class ChannelFusion(nn.Module):
    """Features mapped to as many bins as the magnitude has, stacked as a second channel."""

    num_inputs = 2

    def __init__(self, kind: str, width: int, num_bins: int):
        super().__init__()
        self.kind = kind
        self.linear = nn.Linear(width, num_bins)

    def forward(self, x: Tensor, features: Tensor, num_frames: int) -> Tensor:
        """x (batch, 1, padded frames, bins), features (batch, steps, width) -> two channels."""
        features = spread(self.linear(features), self.kind, num_frames, x.shape[2])
        return torch.cat((x, features.unsqueeze(1)), dim=1)


class BottleneckFusion(nn.Module):
    """Mel patches mapped to the cells of the U-Net's narrowest map, to be added there.

    A cell is time_multiple frames long, a column of patches 16, so columns are averaged in
    groups; the low mel patches stand for the low frequency cells.
    """

    num_inputs = 1

    def __init__(self, width: int, channels: int, columns_per_cell: int, num_cells: int):
        super().__init__()
        self.columns_per_cell = columns_per_cell
        self.num_cells = num_cells
        self.linear = nn.Linear(width, channels)

    def forward(self, features: Tensor, num_time_cells: int) -> Tensor:
        """(batch, columns, mel patches, width) -> (batch, channels, time cells, cells)."""
        x = features.permute(0, 3, 1, 2)
        # A last group that is not full is the mean of what it holds.
        x = F.avg_pool2d(x, (self.columns_per_cell, 1), ceil_mode=True, count_include_pad=False)
        x = F.adaptive_avg_pool2d(x, (x.shape[2], self.num_cells))
        x = self.linear(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)
        return F.pad(x, (0, 0, 0, num_time_cells - x.shape[2]))
