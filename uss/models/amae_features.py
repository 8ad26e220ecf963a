"""What the separator takes from the A-MAE: its tokens of a mixture, pooled or on their grid."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.audio_mae import PATCH, AudioMaeEncoder, patchify
from uss.models.resampling import refuse_odd_rates, resampled
from uss.schema import SystemAmae


class AmaeFeatures(nn.Module):
    """Mixture (batch, samples) at the recipe's rate -> pooled features.

    paper: the filterbank padded to the A-MAE's full input; (mean + max) / 2 over 2 columns and
    all mel patches: (batch, input_frames / 32, width).
    aligned: only the columns that hold sound; (mean + max) / 2 over the mel patches:
    (batch, columns, width), a column being 0.16 s. For the fusions "bottleneck" and "film" nothing
    is pooled: (batch, columns, mel patches, width).
    log_mel: the patches of the filterbank themselves, as a control: the A-MAE is not asked.

    Frozen (updated: false), the encoder stays in eval mode and no gradient is taken. Updated, the
    features are a softmax-weighted sum of all blocks' outputs, each through the shared final norm;
    the blocks and the weights are trained.
    """

    def __init__(self, encoder: AudioMaeEncoder, amae: SystemAmae, sample_rate: int):
        super().__init__()
        if amae.features == "paper" and amae.on_grid:
            raise ValueError(
                f"amae.fusion {amae.fusion} needs the mel patches in time: write amae.features "
                "aligned"
            )
        refuse_odd_rates("A-MAE", encoder.model.sample_rate, sample_rate)
        self.encoder = encoder
        self.features = amae.features
        self.pooled = not amae.on_grid
        self.updated = amae.updated
        self.sample_rate = sample_rate
        self.requires_grad_(False)
        if self.updated:
            encoder.blocks.requires_grad_(True)
            self.block_weights = nn.Parameter(torch.zeros(len(encoder.blocks)))

    def train(self, mode: bool = True) -> "AmaeFeatures":
        return super().train(mode and self.updated)

    def forward(self, mixture: Tensor) -> Tensor:
        with torch.set_grad_enabled(self.updated and torch.is_grad_enabled()):
            return self.pool(self.tokens(self.fbank(mixture)))

    def fbank(self, mixture: Tensor) -> Tensor:
        """The encoder's input (batch, frames, mel_bins), padded to whole patches."""
        num_columns = self.encoder.num_columns if self.features == "paper" else None
        return self.encoder.fbank(self._resampled(mixture), num_columns)

    def spectrogram(self, mixture: Tensor) -> Tensor:
        """Its log-mel filterbank (batch, frames, mel_bins), without padding or normalization."""
        return self.encoder.filterbank(self._resampled(mixture))

    def _resampled(self, mixture: Tensor) -> Tensor:
        return resampled(mixture, self.sample_rate, self.encoder.model.sample_rate)

    def tokens(self, fbank: Tensor) -> Tensor:
        """(batch, frames, mel_bins) -> (batch, columns, mel patches, width), without CLS."""
        if self.features == "log_mel":
            return patchify(fbank).unflatten(1, (-1, self.encoder.num_bands))
        if self.updated:
            outputs = self.encoder.block_outputs(self.encoder.embed(fbank))
            weights = self.block_weights.softmax(dim=0)
            tokens = sum(
                weight * self.encoder.norm(output)
                for weight, output in zip(weights, outputs, strict=True)
            )
        else:
            tokens = self.encoder(fbank)
        return tokens[:, 1:].unflatten(1, (-1, self.encoder.num_bands))

    def pool(self, tokens: Tensor) -> Tensor:
        """(batch, columns, mel patches, width) -> as cached."""
        if not self.pooled:
            return tokens
        if self.features == "paper":
            tokens = tokens.unflatten(1, (-1, 2)).flatten(2, 3)  # 2 columns to a step
        return (tokens.mean(dim=2) + tokens.amax(dim=2)) / 2


def spread(features: Tensor, kind: str, num_frames: int, num_padded: int) -> Tensor:
    """Pooled (batch, steps, width) -> one for each padded STFT frame (batch, num_padded, width).

    paper: the steps fill the padded frames evenly. aligned: 16 frames a step, cut where the
    spectrogram ends and zero-padded as it is.
    """
    if kind == "paper":
        frame = torch.arange(num_padded, device=features.device)
        return features[:, frame * features.shape[1] // num_padded]
    features = features.repeat_interleave(PATCH, dim=1)[:, :num_frames]
    return F.pad(features, (0, 0, 0, num_padded - features.shape[1]))
