"""The bound beside the systems: separation with the ideal ratio mask, which knows both sources."""

import torch
from torch import Tensor

from uss.models.stft import Stft


def separate(mixture: Tensor, target: Tensor, interferer: Tensor, stft: Stft) -> Tensor:
    """Mask the mixture's spectrogram with |S|^2 / (|S|^2 + |N|^2), keeping the mixture's phase.

    The ratio of powers is the mask of least expected error for uncorrelated sources (Wiener), and
    the one of museval's oracle (`alpha = 2`). It is a bound for masks within [0, 1]; a separator
    that also corrects the phase, as ours may, can pass it.

    Args:
        mixture, target, interferer: (batch, samples), at the level at which they add up.
        stft: the transform whose bins the mask weights.

    Returns:
        (batch, samples)
    """
    target_power = stft(target).abs().square()
    interferer_power = stft(interferer).abs().square()
    total = (target_power + interferer_power).clamp(min=torch.finfo(target_power.dtype).tiny)
    return stft.inverse(stft(mixture) * (target_power / total), mixture.shape[-1])
