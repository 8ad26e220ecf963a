"""Residual U-Net steered by a query (FiLM): ResUNet30 of Kong et al. (arXiv 2305.07447)."""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.film import FilmNorm
from uss.models.local_bias import TokenGrid


class PointwiseConv(nn.Conv2d):
    """A 1x1 convolution, as the product of matrices that it is where the channels lie last in
    memory: one thread's convolution of fewer than 16 maps would copy them first, and is slower."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__(in_channels, out_channels, kernel_size=1)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, in_channels, frames, bins) -> (batch, out_channels, frames, bins)."""
        x = F.linear(x.permute(0, 2, 3, 1), self.weight.flatten(1), self.bias)
        return x.permute(0, 3, 1, 2)


class ResidualBlock(nn.Module):
    """Pre-activation block: (FilmNorm, 3x3 convolution) twice, and a shortcut."""

    def __init__(self, in_channels: int, out_channels: int, query_size: int):
        super().__init__()
        self.norm1 = FilmNorm(in_channels, query_size)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.norm2 = FilmNorm(out_channels, query_size)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.shortcut = (
            PointwiseConv(in_channels, out_channels)
            if in_channels != out_channels
            else nn.Identity()
        )

    def forward(self, x: Tensor, query: Tensor, grid: TokenGrid | None) -> Tensor:
        """(batch, in_channels, frames, bins) -> (batch, out_channels, frames, bins)."""
        residual = self.conv1(self.norm1(x, query, grid))
        residual = self.conv2(self.norm2(residual, query, grid))
        return residual.add_(self.shortcut(x))


class DecoderBlock(nn.Module):
    """Upsamples by a transposed convolution, joins the encoder's map, residual block."""

    def __init__(
        self, in_channels: int, out_channels: int, factor: tuple[int, int], query_size: int
    ):
        super().__init__()
        self.norm1 = FilmNorm(in_channels, query_size)
        self.conv1 = nn.ConvTranspose2d(in_channels, out_channels, factor, factor, bias=False)
        self.block = ResidualBlock(2 * out_channels, out_channels, query_size)

    def forward(self, x: Tensor, skip: Tensor, query: Tensor, grid: TokenGrid | None) -> Tensor:
        """x (batch, in_channels, frames, bins), skip: the encoder's map, factor times larger."""
        x = self.conv1(self.norm1(x, query, grid))
        return self.block(torch.cat((x, skip), dim=1), query, grid)


class ResUNet(nn.Module):
    """Maps of a spectrogram to maps of a mask.

    One encoder a number of `channels`; every one halves the bins, all but the last the frames.
    So frames must be a multiple of `time_multiple` and bins of `bin_multiple`.
    """

    def __init__(self, num_inputs: int, num_outputs: int, channels: Sequence[int], query_size):
        super().__init__()
        self.time_multiple = 2 ** (len(channels) - 1)
        self.bin_multiple = 2 ** len(channels)
        self.factors = [(2, 2)] * (len(channels) - 1) + [(1, 2)]
        widths = [channels[0], *channels]
        self.pre_conv = PointwiseConv(num_inputs, channels[0])
        self.encoders = nn.ModuleList(
            ResidualBlock(widths[level], widths[level + 1], query_size)
            for level in range(len(channels))
        )
        self.bottleneck = ResidualBlock(channels[-1], channels[-1], query_size)
        inputs = [*channels[1:], channels[-1]]
        self.decoders = nn.ModuleList(
            DecoderBlock(inputs[level], channels[level], self.factors[level], query_size)
            for level in reversed(range(len(channels)))
        )
        self.after_conv = PointwiseConv(channels[0], num_outputs)

    def forward(
        self,
        x: Tensor,
        query: Tensor,
        bottleneck: Tensor | None = None,
        grid: TokenGrid | None = None,
    ) -> Tensor:
        """(batch, num_inputs, frames, bins) -> (batch, num_outputs, frames, bins).

        query (batch, query_size). bottleneck: a map (batch, channels[-1],
        frames / time_multiple, bins / bin_multiple) to be added where the network is narrowest.
        grid: for the local biases of the fusion `film`.
        """
        x = self.pre_conv(x)
        skips = []
        for encoder, factor in zip(self.encoders, self.factors, strict=True):
            x = encoder(x, query, grid)
            skips.append(x)
            x = F.avg_pool2d(x, factor)
        if bottleneck is not None:
            x = x + bottleneck
        x = self.bottleneck(x, query, grid)
        for decoder in self.decoders:
            x = decoder(x, skips.pop(), query, grid)
        return self.after_conv(x)


def complex_mask(maps: Tensor) -> Tensor:
    """Maps (batch, 3, frames, bins) -> real and imaginary part, (batch, 2, frames, bins).

    Magnitude sigmoid(maps[:, 0]); phase the direction of (tanh(maps[:, 1]), tanh(maps[:, 2])).
    """
    phase = torch.tanh(maps[:, 1:])
    # Clamped below the root: at the zero-padded Nyquist bin its gradient would be infinite.
    length = phase.square().sum(dim=1, keepdim=True).clamp(min=1e-20).sqrt()
    return torch.sigmoid(maps[:, :1]) * phase / length
