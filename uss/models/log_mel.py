"""PANNs' front end: log-mel spectrogram with librosa's Slaney filters."""

import numpy as np
import torch
from torch import Tensor, nn

from uss.models.stft import Stft

FLOOR = 1e-10


def slaney_filters(
    sample_rate: int, window_size: int, mel_bins: int, fmin: float, fmax: float
) -> np.ndarray:
    """Triangular filters, float32 (window_size // 2 + 1, mel_bins), as librosa.filters.mel gives.

    Slaney's scale: linear (200 / 3 Hz a mel) below 1 kHz, logarithmic (6.4 times in 27 mels)
    above. Each triangle has the area of 1 Hz.
    """
    linear, knee, step = 200 / 3, 1000.0, np.log(6.4) / 27

    def to_mel(hertz: float) -> float:
        if hertz < knee:
            return hertz / linear
        return knee / linear + np.log(hertz / knee) / step

    mels = np.linspace(to_mel(fmin), to_mel(fmax), mel_bins + 2)
    edges = np.where(
        mels < knee / linear, mels * linear, knee * np.exp(step * (mels - knee / linear))
    )
    bins = np.linspace(0, sample_rate / 2, window_size // 2 + 1)[:, None]
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    rising = (bins - low) / (centre - low)
    falling = (high - bins) / (high - centre)
    triangles = np.maximum(0, np.minimum(rising, falling))
    return (triangles * 2 / (high - low)).astype(np.float32)


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
        self.register_buffer("filters", torch.from_numpy(filters), persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        power = self.stft(waveform).abs().square()
        return 10 * torch.log10((power @ self.filters).clamp(min=FLOOR))
