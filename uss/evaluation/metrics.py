"""SDR, SDRi and SI-SDR of batches of waveforms, in dB.

SDR as in docs/method.md, section 7, and the code of Kong et al. (arXiv 2305.07447): the ratio of
the reference's energy to the error's. museval's BSS Eval v4 gives the same number where one window
spans the signal.
"""

import numpy as np
import torch
from torch import Tensor

FLOOR = 1e-10  # of mean squares: silence gives a finite number


def sdr(reference: Tensor, estimate: Tensor) -> Tensor:
    """10 log10(max(mean s^2, 1e-10) / max(mean (s - s_hat)^2, 1e-10)).

    Args:
        reference: (..., samples).
        estimate: (..., samples).

    Returns:
        (...) in dB, float64.
    """
    reference, estimate = reference.double(), estimate.double()
    error = reference - estimate
    return 10 * torch.log10(_mean_square(reference) / _mean_square(error))


def sdri(reference: Tensor, estimate: Tensor, mixture: Tensor) -> Tensor:
    """The estimate's SDR minus the mixture's; shapes as in `sdr`."""
    return sdr(reference, estimate) - sdr(reference, mixture)


def si_sdr(reference: Tensor, estimate: Tensor) -> Tensor:
    """Scale-invariant SDR of Le Roux et al. (arXiv 1811.02508), without removal of the mean.

    With r^2 = <s, s_hat>^2 / (<s, s> <s_hat, s_hat>) it is r^2 / (1 - r^2); both are floored at
    1e-10, so that silence gives -100 dB and a perfect estimate +100 dB, whatever their scale.
    Shapes as in `sdr`.
    """
    reference, estimate = reference.double(), estimate.double()
    product = (reference * estimate).sum(-1).square()
    energies = reference.square().sum(-1) * estimate.square().sum(-1)
    tiny = torch.finfo(torch.float64).tiny
    r_square = product / energies.clamp(min=tiny)
    return 10 * torch.log10(r_square.clamp(min=FLOOR) / (1 - r_square).clamp(min=FLOOR))


def frames_sdr(reference: np.ndarray, estimate: np.ndarray, frame: int) -> np.ndarray:
    """SDR of BSS Eval v4 in frames of (channels, samples) that follow each other, over channels.

    museval computes the same, beside measures that cost much more. A frame without a reference
    gives -inf, one without an error +inf. What is beyond the last whole frame does not count.

    Returns:
        (frames,) in dB, float64.
    """
    energies = [
        np.square(_frames(signal, frame), dtype=np.float64).sum(axis=(0, 2))
        for signal in (reference, reference - estimate)
    ]
    with np.errstate(divide="ignore", invalid="ignore"):
        return 10 * np.log10(energies[0] / energies[1])


def silent_frames(signal: np.ndarray, frame: int) -> np.ndarray:
    """(channels, samples) -> (frames,): those that museval leaves out, whose channels add up to
    silence."""
    return ~_frames(signal, frame).sum(axis=0).any(axis=1)


def _frames(signal: np.ndarray, frame: int) -> np.ndarray:
    num_frames = signal.shape[1] // frame
    return signal[:, : num_frames * frame].reshape(len(signal), num_frames, frame)


def _mean_square(signal: Tensor) -> Tensor:
    return signal.square().mean(-1).clamp(min=FLOOR)
