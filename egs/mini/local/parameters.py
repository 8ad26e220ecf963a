"""Random parameters of a sound, from ranges that train, dev and eval never share.

Every range is cut into equal cells and every cell belongs to one split. The splits interleave:
evaluation asks for pitches, rates and timbres that training never met, but between ones it did.
"""

import numpy as np

NUM_CELLS = 20
CELLS = {
    "train": [cell for cell in range(NUM_CELLS) if cell % 5 in (0, 2, 4)],  # both ends of a range
    "dev": [cell for cell in range(NUM_CELLS) if cell % 5 == 1],
    "eval": [cell for cell in range(NUM_CELLS) if cell % 5 == 3],
}


class Parameters:
    """Draws the parameters of one sound of a split."""

    def __init__(self, rng: np.random.Generator, split: str) -> None:
        self.rng = rng  # for what has no range to divide: noise, phases, jitter
        self.cells = CELLS[split]

    def uniform(self, low: float, high: float) -> float:
        position = (self.rng.choice(self.cells) + self.rng.random()) / NUM_CELLS
        return low + (high - low) * position

    def log_uniform(self, low: float, high: float) -> float:
        """For pitches and rates: equal ratios are equally likely."""
        return float(np.exp(self.uniform(np.log(low), np.log(high))))
