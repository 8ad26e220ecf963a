"""Two anchors into a mixture: energy matching and normalisation, batched, on any device."""

from typing import NamedTuple

import torch
from torch import Tensor

MIN_ENERGY = 1e-10
GAIN_RANGE = (0.02, 50.0)


class Mix(NamedTuple):
    """mixture and target (batch, samples) as the network sees them; scale (batch, 1) restores
    the level: mixture * scale is target anchor plus energy-matched interferer."""

    mixture: Tensor
    target: Tensor
    scale: Tensor


def energy_match(target: Tensor, interferer: Tensor) -> Tensor:
    """The interferer, (batch, samples), scaled to the target's energy (bytedance/uss, mixers).

    Gain sqrt(E1 / max(E2, 1e-10)) within 0.02 .. 50, E the mean square.
    """
    target_energy = target.square().mean(dim=-1, keepdim=True)
    interferer_energy = interferer.square().mean(dim=-1, keepdim=True)
    gain = (target_energy / interferer_energy.clamp(min=MIN_ENERGY)).sqrt().clamp(*GAIN_RANGE)
    return interferer * gain


def mix(
    target: Tensor, interferer: Tensor, normalization: str, at_mixture_level: bool = False
) -> Mix:
    """Energy-matched sum of (batch, samples) anchors, normalised (Eq. 2 of the paper).

    at_mixture_level: the interferer has its level already (imported mixtures).
    """
    mixture = target + (interferer if at_mixture_level else energy_match(target, interferer))
    return normalised(mixture, target, normalization)


def normalised(mixture: Tensor, target: Tensor, normalization: str) -> Mix:
    """Eq. 2 of (batch, samples): `joint` divides both by the mixture's peak; `per_signal` each by
    its own; `none` neither."""
    if normalization == "none":
        return Mix(mixture, target, torch.ones_like(mixture[:, :1]))
    scale = _peak(mixture)
    own_scale = scale if normalization == "joint" else _peak(target)
    return Mix(mixture / scale, target / own_scale, scale)


def _peak(waveform: Tensor) -> Tensor:
    return waveform.abs().amax(dim=-1, keepdim=True).clamp(min=MIN_ENERGY)
