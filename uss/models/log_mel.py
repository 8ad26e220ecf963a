"""PANNs' front end: log-mel spectrogram with librosa's Slaney filters."""

import torch
from torch import Tensor, nn

from uss.models.mel_filters import slaney_filters
from uss.models.stft import Stft

FLOOR = 1e-10


class LogMel(nn.Module):
    """Waveform (batch, samples) -> log-mel (batch, frames, mel_bins) in dB, floor -100 dB."""

    filters: Tensor

    def __init__(
        self,
        sample_rate: int,
        window_size: int,
        hop_size: int,
        mel_bins: int,
        fmin: float,
        fmax: float,
    ):
        super().__init__()
        self.stft = Stft(window_size, hop_size)
        filters = slaney_filters(sample_rate, window_size, mel_bins, fmin, fmax)
        self.register_buffer("filters", filters, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        power = self.stft(waveform).abs().square()
        return 10 * torch.log10((power @ self.filters).clamp(min=FLOOR))
