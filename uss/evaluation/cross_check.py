"""museval beside our SDR, on a sample of mixtures: BSS Eval v4 with one window that spans the
signal measures the same (docs/method.md, section 7)."""

from functools import cache
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import numpy as np

NUM_SAMPLED = 10  # mixtures of a list; museval takes a thirtieth of a second for each
TOLERANCE = 0.01  # dB; the arithmetic of both differs by much less


@cache
def museval_metrics() -> ModuleType:
    """museval/metrics.py alone: with its package comes a reader of MUSDB, which cannot be imported
    where ffmpeg is not installed."""
    package = find_spec("museval")
    assert package is not None and package.submodule_search_locations is not None
    path = Path(package.submodule_search_locations[0]) / "metrics.py"
    spec = spec_from_file_location("museval_metrics", path)
    assert spec is not None and spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def museval_sdr(target: np.ndarray, estimate: np.ndarray) -> float:
    """BSS Eval v4's SDR in dB of (samples,) signals that are not silent."""
    references, estimates = (x.astype(np.float64)[None, :, None] for x in (target, estimate))
    sdr, *_ = museval_metrics().bss_eval(references, estimates, window=len(target), hop=len(target))
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
