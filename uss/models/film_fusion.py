"""A-MAE tokens as local biases at every level of the residual U-Net: docs/method.md, section 5.

A token is a patch of 16 frames by 16 mel bands. On their grid (columns, mel patches) the tokens
say when and where in frequency; every BatchNorm that has a FiLM bias gets one more, from there.
"""

import numpy as np
import torch
from torch import Tensor, nn

from uss.models.audio_mae import PATCH
from uss.models.film import FilmNorm
from uss.models.filterbank import LOWEST_HERTZ
from uss.models.local_bias import SIZE, LocalBias, TokenGrid
from uss.models.mel_filters import htk_mel
from uss.schema import AmaeModel


class FilmFusion(nn.Module):
    """Tokens to a grid, beside them their product with the query: where does the wanted sound?"""

    num_inputs = 1
    to_bins: Tensor

    def __init__(self, width: int, query_size: int, to_bins: Tensor):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.tokens = nn.Linear(width, SIZE)
        self.query = nn.Linear(query_size, SIZE)
        self.register_buffer("to_bins", to_bins, persistent=False)

    def forward(self, tokens: Tensor, query: Tensor, num_frames: int) -> TokenGrid:
        """tokens (batch, columns, mel patches, width), query (batch, query_size)."""
        values = self.tokens(self.norm(tokens))
        wanted = values * self.query(query)[:, None, None]
        return TokenGrid(
            torch.cat((values, wanted), dim=3).permute(0, 3, 1, 2), self.to_bins, num_frames
        )


def add_local_biases(unet: nn.Module) -> None:
    """Give every FilmNorm a LocalBias."""
    for norm in unet.modules():
        if isinstance(norm, FilmNorm):
            norm.local = LocalBias(norm.bn.num_features)


def patches_to_bins(model: AmaeModel, sample_rate: int, num_bins: int) -> Tensor:
    """(mel patches, num_bins) weights: each linear bin between the centres of two mel patches.

    Below the first centre and above the last, and above the A-MAE's own Nyquist frequency, the
    nearest patch counts alone. The mel scale is that of the A-MAE's filterbank.
    """
    lowest, highest = htk_mel(np.array([LOWEST_HERTZ, model.sample_rate / 2]))
    band = (highest - lowest) / (model.mel_bins + 1)
    hertz = np.arange(num_bins) * sample_rate / 2 / num_bins
    bands = (htk_mel(hertz) - lowest) / band - 1  # 0 is the centre of the first mel band
    num_patches = model.mel_bins // PATCH
    patches = np.clip((bands - (PATCH - 1) / 2) / PATCH, 0, num_patches - 1)
    weights = np.maximum(0, 1 - np.abs(patches - np.arange(num_patches)[:, None]))
    return torch.from_numpy(weights.astype(np.float32))
