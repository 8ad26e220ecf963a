"""BatchNorms of a trained U-Net, folded into what lies beside them.

In eval mode a BatchNorm is a factor and an offset for each channel. The offset joins the query's
bias. The factor of a block's second BatchNorm joins the convolution before it, whose output nothing
else takes. The other factors stay: a shortcut or a skip takes what comes before them too.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.film import FilmNorm
from uss.models.local_bias import TokenGrid
from uss.models.resunet import DecoderBlock, ResidualBlock, ResUNet


class FoldedNorm(nn.Module):
    """What a FilmNorm computes in eval mode, in fewer passes over the map.

    Args:
        is_scaled: whether the convolution before it has taken the factor.
    """

    factor: Tensor
    offset: Tensor

    def __init__(self, norm: FilmNorm, is_scaled: bool) -> None:
        super().__init__()
        factor, offset = affine(norm.bn)
        self.register_buffer("factor", factor[:, None, None])
        self.register_buffer("offset", offset)
        self.beta, self.local = norm.beta, norm.local
        self.is_scaled = is_scaled

    def forward(self, x: Tensor, query: Tensor, grid: TokenGrid | None) -> Tensor:
        """As FilmNorm; where the factor is taken, x is overwritten."""
        bias = (self.beta(query) + self.offset)[:, :, None, None]
        if self.local is not None:
            assert grid is not None, "the fusion film gives its grid to every level"
            bias = bias + self.local(grid, x.shape[2], x.shape[3])
        x = x.add_(bias) if self.is_scaled else torch.addcmul(bias, x, self.factor)
        return F.leaky_relu_(x, negative_slope=0.01)


def affine(bn: nn.BatchNorm2d) -> tuple[Tensor, Tensor]:
    """Factor and offset (channels,) of a BatchNorm in eval mode."""
    assert bn.running_mean is not None and bn.running_var is not None
    factor = bn.weight / (bn.running_var + bn.eps).sqrt()
    return factor, bn.bias - bn.running_mean * factor


@torch.no_grad()
def fold(unet: ResUNet) -> None:
    """Replace every FilmNorm, in place. The U-Net is then for separation only."""
    for block in unet.modules():
        if isinstance(block, ResidualBlock):
            second = FoldedNorm(block.norm2, is_scaled=True)
            weight = block.conv1.weight * second.factor[..., None]
            block.conv1.weight = nn.Parameter(weight, requires_grad=False)
            block.add_module("norm2", second)
            block.add_module("norm1", FoldedNorm(block.norm1, is_scaled=False))
        elif isinstance(block, DecoderBlock):
            block.add_module("norm1", FoldedNorm(block.norm1, is_scaled=False))
