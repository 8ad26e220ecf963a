"""Audio at one rate for a network that hears another."""

import math
from typing import Any

import torchaudio
from torch import Tensor

# librosa's "kaiser_best": flat up to 0.44 of the lower rate, and from half of it on 100 dB down.
# torchaudio's default lets what lies 2 kHz above half of 32 kHz through, 17 dB down.
SHARP = {
    "lowpass_filter_width": 64,
    "rolloff": 0.9475937167399596,
    "resampling_method": "sinc_interp_kaiser",
    "beta": 14.769656459379492,
}
MAX_RATIO = 10**6  # product of both sides of the ratio of two rates: 147 * 160 for 44.1 and 48 kHz


def resampled(waveform: Tensor, rate: int, new_rate: int, sharp: bool = False) -> Tensor:
    """(batch, samples) at `rate` -> (batch, samples * new_rate / rate, rounded up).

    sharp: with a filter for networks that hear nearly up to half of their rate.
    """
    settings: dict[str, Any] = SHARP if sharp else {}
    return torchaudio.functional.resample(waveform, rate, new_rate, **settings)


def refuse_odd_rates(network: str, rate: int, sample_rate: int) -> None:
    """Raises ValueError where resampling from sample_rate to the network's rate takes too long."""
    common = math.gcd(sample_rate, rate)
    if sample_rate // common * (rate // common) > MAX_RATIO:
        raise ValueError(
            f"the {network}'s sample_rate {rate} has hardly a common divisor with {sample_rate} "
            "Hz, so that resampling would take hours: choose one of the usual rates"
        )
