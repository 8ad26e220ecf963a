"""museval beside our SDR, on a sample of mixtures: BSS Eval v4 with one window that spans the
signal measures the same (METHOD section 7)."""

import warnings

import numpy as np

NUM_SAMPLED = 10  # mixtures of a list; museval takes a fifth of a second for each
TOLERANCE = 0.01  # dB; the arithmetic of both differs by much less


def museval_sdr(target: np.ndarray, estimate: np.ndarray) -> float:
    """BSS Eval v4's SDR in dB of (samples,) signals that are not silent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of packages that museval imports
        import museval
    references, estimates = (x.astype(np.float64)[None, :, None] for x in (target, estimate))
    sdr, *_ = museval.evaluate(references, estimates, win=len(target), hop=len(target))
    return float(sdr[0, 0])


class CrossCheck:
    """Compares those rows of a list that were drawn for it.

    Attributes:
        num: comparisons made.
        max_difference: the largest difference in dB; 0 where none was made.
    """

    def __init__(self, rows: set[int]) -> None:
        self.rows = rows
        self.num = 0
        self.max_difference = 0.0

    def compare(self, row: int, sdr: float, target: np.ndarray, estimate: np.ndarray) -> None:
        """Our SDR in dB of a row's signals (samples,) with museval's; fails where they differ."""
        if not (target.any() and estimate.any()):  # museval has no number for silence
            return
        found = museval_sdr(target, estimate)
        difference = abs(found - sdr)
        assert difference < TOLERANCE, f"row {row}: SDR {sdr} dB, museval {found} dB"
        self.num += 1
        self.max_difference = max(self.max_difference, difference)
