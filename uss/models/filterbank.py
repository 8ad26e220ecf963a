"""Kaldi-compatible log-mel filterbank for a whole batch, on any device, differentiable.

Equal to torchaudio.compliance.kaldi.fbank(htk_compat=True, use_energy=False, dither=0,
window_type="hanning", num_mel_bins=mel_bins, frame_shift=10), which takes one clip at a time.
"""

from collections.abc import Iterable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

WINDOW_SECONDS = 0.025
HOP_SECONDS = 0.010
PREEMPHASIS = 0.97
LOWEST_HERTZ = 20.0
FLOOR = float(torch.finfo(torch.float32).eps)


def htk_filters(sample_rate: int, fft_size: int, mel_bins: int) -> np.ndarray:
    """Triangles that are straight on the mel scale 1127 ln(1 + f / 700), from 20 Hz to Nyquist.

    float32 (fft_size // 2 + 1, mel_bins); the Nyquist bin counts for nothing, as in Kaldi.
    """
    bins = 1127 * np.log1p(np.arange(fft_size // 2) * sample_rate / fft_size / 700)[:, None]
    lowest, highest = 1127 * np.log1p(np.array([LOWEST_HERTZ, sample_rate / 2]) / 700)
    edges = np.linspace(lowest, highest, mel_bins + 2)
    low, centre, high = edges[:-2], edges[1:-1], edges[2:]
    triangles = np.minimum((bins - low) / (centre - low), (high - bins) / (high - centre))
    return np.pad(np.maximum(0, triangles), ((0, 1), (0, 0))).astype(np.float32)


class Filterbank(nn.Module):
    """Waveform (batch, samples) in [-1, 1] -> natural log-mel (batch, frames, mel_bins).

    Only whole windows make a frame: 2 s give 198 of 25 ms every 10 ms.
    """

    window: Tensor
    filters: Tensor

    def __init__(self, sample_rate: int, mel_bins: int):
        super().__init__()
        self.window_size = int(sample_rate * WINDOW_SECONDS)
        self.hop_size = int(sample_rate * HOP_SECONDS)
        self.fft_size = 1 << (self.window_size - 1).bit_length()
        window = torch.hann_window(self.window_size, periodic=False, device="cpu")
        filters = torch.from_numpy(htk_filters(sample_rate, self.fft_size, mel_bins))
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("filters", filters, persistent=False)

    def num_frames(self, num_samples: int) -> int:
        if num_samples < self.window_size:
            raise ValueError(
                f"{num_samples} samples are too short for a filterbank, which needs at least "
                f"{self.window_size}: drop the clip or pad it"
            )
        return 1 + (num_samples - self.window_size) // self.hop_size

    def forward(self, waveform: Tensor) -> Tensor:
        self.num_frames(waveform.shape[1])  # refuses what is too short
        waveform = waveform - waveform.mean(dim=1, keepdim=True)
        frames = waveform.unfold(1, self.window_size, self.hop_size)
        frames = frames - frames.mean(dim=2, keepdim=True)
        # A frame's first sample stands for the one before it.
        previous = F.pad(frames, (1, 0), mode="replicate")[..., :-1]
        frames = (frames - PREEMPHASIS * previous) * self.window
        spectrum = torch.fft.rfft(frames, n=self.fft_size)
        power = spectrum.real.square() + spectrum.imag.square()
        return (power @ self.filters).clamp(min=FLOOR).log()


@torch.inference_mode()
def measure(filterbank: Filterbank, batches: Iterable[Tensor]) -> tuple[float, float]:
    """Mean and standard deviation of all filterbank values of waveforms (batch, samples)."""
    count, total, squares = 0, 0.0, 0.0
    for waveform in batches:
        values = filterbank(waveform).double()
        count += values.numel()
        total += values.sum().item()
        squares += values.square().sum().item()
    if count == 0:
        raise ValueError("no audio to measure the filterbank's mean and deviation on")
    mean = total / count
    return mean, max(squares / count - mean**2, 0.0) ** 0.5
