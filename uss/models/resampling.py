"""Audio at one rate for a network that hears another."""

import math

import torchaudio
from torch import Tensor

MAX_RATIO = 10**6  # product of both sides of the ratio of two rates: 147 * 160 for 44.1 and 48 kHz


def resampled(waveform: Tensor, rate: int, new_rate: int) -> Tensor:
    """(batch, samples) at `rate` -> (batch, samples * new_rate / rate, rounded up)."""
    return torchaudio.functional.resample(waveform, rate, new_rate)


def refuse_odd_rates(network: str, rate: int, sample_rate: int) -> None:
    """Raises ValueError where resampling from sample_rate to the network's rate takes too long."""
    common = math.gcd(sample_rate, rate)
    if sample_rate // common * (rate // common) > MAX_RATIO:
        raise ValueError(
            f"the {network}'s sample_rate {rate} has hardly a common divisor with {sample_rate} "
            "Hz, so that resampling would take hours: choose one of the usual rates"
        )
