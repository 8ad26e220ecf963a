"""Kaldi-compatible log-mel filterbank for a whole batch, on any device, differentiable.

Equal to torchaudio.compliance.kaldi.fbank(htk_compat=True, use_energy=False, dither=0,
window_type="hanning", num_mel_bins=mel_bins, frame_shift=10). That one takes one clip at a time, so
all but its mel filters stands here again.
"""

from collections.abc import Iterable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.mel_filters import htk_filters

WINDOW_SECONDS = 0.025
HOP_SECONDS = 0.010
PREEMPHASIS = 0.97
LOWEST_HERTZ = 20.0
FLOOR = float(torch.finfo(torch.float32).eps)


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
        filters = htk_filters(sample_rate, self.fft_size, mel_bins, LOWEST_HERTZ)
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
