"""torchaudio's mel filters, computed in double precision and then rounded.

In single precision, as torchaudio makes them by default, the edges of a triangle are off by up to
2e-3 of a filter's smallest values; librosa, whose table PANNs' files hold, computes in double too.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torchaudio.compliance.kaldi import get_mel_banks
from torchaudio.functional import melscale_fbanks

NO_WARP = {"vtln_low": 100.0, "vtln_high": -500.0, "vtln_warp_factor": 1.0}


class DoubleOnCpu(TorchFunctionMode):
    """What begins a table begins as float64 on the CPU, in this block of this thread alone: also
    where a network is built on torch's device `meta`."""

    BEGINNINGS = (torch.linspace, torch.arange, torch.zeros)

    def __torch_function__(
        self, func: Callable, types: Any, args: tuple = (), kwargs: dict | None = None
    ) -> Any:
        kwargs = kwargs or {}
        if func in self.BEGINNINGS:
            kwargs = {**kwargs, "dtype": torch.float64, "device": "cpu"}
        return func(*args, **kwargs)


def slaney_filters(
    sample_rate: int, window_size: int, mel_bins: int, fmin: float, fmax: float
) -> Tensor:
    """Triangular filters, float32 (window_size // 2 + 1, mel_bins), as librosa.filters.mel gives:
    on Slaney's scale, each of the area of 1 Hz. torchaudio takes half of an odd rate rounded down,
    which at 11,025 Hz shifts the bins by 0.01 %."""
    num_bins = window_size // 2 + 1
    with DoubleOnCpu():
        return melscale_fbanks(
            num_bins, fmin, fmax, mel_bins, sample_rate, norm="slaney", mel_scale="slaney"
        ).float()


def htk_filters(sample_rate: int, fft_size: int, mel_bins: int, lowest_hertz: float) -> Tensor:
    """Kaldi's filters, float32 (fft_size // 2 + 1, mel_bins), up to Nyquist: triangles that are
    straight on HTK's mel scale (`htk_mel`). The Nyquist bin counts for nothing."""
    with DoubleOnCpu():
        filters, _ = get_mel_banks(
            mel_bins, fft_size, sample_rate, lowest_hertz, high_freq=0.0, **NO_WARP
        )
        return torch.nn.functional.pad(filters, (0, 1)).T.float().contiguous()


def htk_mel(hertz: np.ndarray) -> np.ndarray:
    """Frequencies in Hz on HTK's mel scale."""
    return 1127 * np.log1p(hertz / 700)
