"""The fixed tables that torchlibrosa stores as weights: ours, to compare with a file's."""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from uss.models.mel_filters import slaney_filters
from uss.models.weights import FLOATS, form
from uss.schema import PannsModel

# Of the largest value. Another window, rate or mel scale is 1e-2 away or more; rounding is 1e-7 in
# single precision, and up to 4e-3 of a value in the half precisions.
TOLERANCE = 1e-5


def stft_tables(window_size: int) -> dict[str, np.ndarray]:
    """Windowed Fourier matrices, as the weights of a Conv1d (bins, 1, window_size)."""
    bins, samples = np.arange(window_size // 2 + 1)[:, None], np.arange(window_size)
    # Whole turns are taken off first: cosines of large angles are inexact.
    angle = 2 * np.pi * (bins * samples % window_size) / window_size
    window = hann(window_size)
    return {
        "conv_real.weight": (window * np.cos(angle))[:, None],
        "conv_imag.weight": (-window * np.sin(angle))[:, None],
    }


def istft_tables(window_size: int) -> dict[str, np.ndarray]:
    """Windowed inverse Fourier matrices, Conv1d (window_size, window_size, 1), squared window."""
    samples = np.arange(window_size)
    angle = 2 * np.pi * (samples[:, None] * samples % window_size) / window_size
    window = hann(window_size)[:, None]
    return {
        "ola_window": window[:, 0] ** 2,
        "conv_real.weight": (window * np.cos(angle) / window_size)[:, :, None],
        "conv_imag.weight": (window * np.sin(angle) / window_size)[:, :, None],
    }


def hann(window_size: int) -> np.ndarray:
    return 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window_size) / window_size)


def panns_tables(model: PannsModel) -> dict[str, np.ndarray]:
    """All fixed tables of a PANNs file, under its keys."""
    stft = stft_tables(model.window_size)
    tables = {f"spectrogram_extractor.stft.{key}": table for key, table in stft.items()}
    tables["logmel_extractor.melW"] = slaney_filters(
        model.sample_rate, model.window_size, model.mel_bins, model.fmin, model.fmax
    ).numpy()
    return tables


def resunet_tables(window_size: int) -> dict[str, np.ndarray]:
    """All fixed tables of a ResUNet30 file, under its keys."""
    stft, istft = stft_tables(window_size), istft_tables(window_size)
    return {f"base.stft.{key}": table for key, table in stft.items()} | {
        f"base.istft.{key}": table for key, table in istft.items()
    }


def without_tables(
    tensors: dict, tables: dict[str, np.ndarray], origin: Path | str
) -> dict[str, Tensor]:
    """`tensors` without `tables`, which must all be there and equal ours; ValueError if not."""
    for key, ours in tables.items():
        if key not in tensors:
            raise ValueError(f"{origin}: missing {key}; fetch the original file")
        if not is_table(tensors[key], ours):
            raise ValueError(
                f"{origin}: its table {key} is not ours, so its front end is another (sample "
                "rate, window or mel bands) and its weights would give wrong numbers here"
            )
    return {key: tensor for key, tensor in tensors.items() if key not in tables}


def is_table(theirs: object, ours: np.ndarray) -> bool:
    """Whether a file's value is our table, up to the rounding of its own precision."""
    if not isinstance(theirs, Tensor) or form(theirs) != ours.shape or theirs.dtype not in FLOATS:
        return False
    rounding = torch.finfo(theirs.dtype)
    smallest = rounding.smallest_normal * rounding.eps  # what float16 rounds small values to
    return torch.allclose(
        theirs.double(),
        torch.from_numpy(ours).double(),
        rtol=rounding.eps / 2,
        atol=TOLERANCE * float(np.abs(ours).max()) + smallest / 2,
    )
