"""A chirp at the rate of the tiny models."""

import numpy as np

from tests.helpers.training_recipe import RATE


def sound(seconds: float, rate: int = RATE, channels: int = 1, seed: int = 0) -> np.ndarray:
    """(samples, channels): a chirp and a little noise."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    chirp = 0.2 * np.sin(2 * np.pi * (400 + 100 * time) * time)
    return chirp[:, None] + 0.02 * rng.standard_normal((len(time), channels))
