import numpy as np
import pytest

from egs.debian_sounds.experiments.amae_gain import power
from uss.evaluation.statistics import Strata


def simulated(classes: float, recordings: float, mixtures: float, seed: int):
    """Gains with these standard deviations: 200 classes, 4 recordings, 5 mixtures each."""
    rng = np.random.default_rng(seed)
    gains = (
        rng.normal(0, classes, (200, 1, 1))
        + rng.normal(0, recordings, (200, 4, 1))
        + rng.normal(0, mixtures, (200, 4, 5))
    )
    class_ids = [str(c) for c in range(200) for _ in range(20)]
    groups = [f"{c}_{r}" for c in range(200) for r in range(4) for _ in range(5)]
    return gains.ravel(), Strata(class_ids, groups)


@pytest.mark.parametrize("deviations", [(1.0, 2.0, 3.0), (2.0, 0.0, 1.0), (0.0, 1.0, 0.5)])
def test_variances_are_told_apart(deviations):
    parts = power.variances(*simulated(*deviations, seed=0))
    assert np.sqrt(parts) == pytest.approx(deviations, abs=0.3)


def test_more_recordings_and_mixtures_narrow_the_interval():
    parts = power.Variances(0.0, 1.0, 4.0)
    few, more_mixtures, more_recordings = (
        power.half_width(parts, [num] * 20, mixtures, np.random.default_rng(0))
        for num, mixtures in ((3, 1), (3, 16), (12, 16))
    )
    assert few > 1.3 * more_mixtures > 1.3 * 1.5 * more_recordings
