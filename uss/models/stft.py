"""Short-time Fourier transform and its inverse, with torchlibrosa's conventions."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Stft(nn.Module):
    """Hann window, centred frames, reflect padding, one frame every hop_size samples."""

    window: Tensor

    def __init__(self, window_size: int, hop_size: int):
        super().__init__()
        self.window_size = window_size
        self.hop_size = hop_size
        # On the CPU in any case: on torch's device `meta` it would import half of torch.
        window = torch.hann_window(window_size, device="cpu")
        self.register_buffer("window", window, persistent=False)

    def forward(self, waveform: Tensor) -> Tensor:
        """(batch, samples) -> complex (batch, samples // hop_size + 1, window_size // 2 + 1).

        The reflection needs more than window_size / 2 samples.
        """
        spectrum = torch.stft(
            waveform,
            self.window_size,
            self.hop_size,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        return spectrum.transpose(1, 2)

    def inverse(self, spectrum: Tensor, num_samples: int) -> Tensor:
        """complex (batch, frames, bins) -> (batch, num_samples)."""
        # Not torch.istft: on a GPU it waits, to see that no sample lies beyond all windows.
        frames = torch.fft.irfft(spectrum, n=self.window_size) * self.window
        weights = self.window.square().expand(1, frames.shape[1], -1)
        kept = slice(self.window_size // 2, self.window_size // 2 + num_samples)  # unreflected
        waveform = self._overlap_add(frames)[:, kept] / self._overlap_add(weights)[:, kept]
        return F.pad(waveform, (0, num_samples - waveform.shape[1]))

    def _overlap_add(self, frames: Tensor) -> Tensor:
        """(batch, frames, window_size) -> (batch, samples)."""
        num_samples = self.window_size + self.hop_size * (frames.shape[1] - 1)
        window, hop = (1, self.window_size), (1, self.hop_size)
        return F.fold(frames.transpose(1, 2), (1, num_samples), window, stride=hop)[:, 0, 0]
