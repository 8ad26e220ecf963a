import math
import subprocess
import sys

import numpy as np
import pytest

from uss.evaluation.cross_check import CrossCheck, museval_sdr

TARGET = 0.1 * np.random.default_rng(0).standard_normal(4000).astype(np.float32)


def test_museval_measures_the_error_alone():
    """20 dB by hand, and a gain counts as error."""
    noise = np.random.default_rng(1).standard_normal(4000)
    noise *= 0.1 * np.linalg.norm(TARGET) / np.linalg.norm(noise)
    assert museval_sdr(TARGET, TARGET + noise) == pytest.approx(20, abs=1e-6)
    assert museval_sdr(TARGET, 0.5 * TARGET) == pytest.approx(-20 * math.log10(0.5), abs=1e-6)


def test_the_largest_difference_is_kept_and_a_real_one_fails():
    check = CrossCheck({3})
    for error in (2e-3, 5e-3, -1e-3):
        check.compare(3, -20 * math.log10(0.5) + error, TARGET, 0.5 * TARGET)
    assert check.num == 3 and check.max_difference == pytest.approx(5e-3, abs=1e-6)
    with pytest.raises(AssertionError, match="row 3: SDR 6.1 dB, museval 6.02"):
        check.compare(3, 6.1, TARGET, 0.5 * TARGET)


def test_silence_is_not_compared():
    check = CrossCheck({3})
    check.compare(3, -100.0, np.zeros_like(TARGET), TARGET)
    assert check.num == 0


@pytest.mark.slow
def test_needs_no_ffmpeg():
    code = "from uss.evaluation.cross_check import museval_metrics; print(museval_metrics())"
    done = subprocess.run(
        [sys.executable, "-c", code], env={"PATH": ""}, capture_output=True, text=True
    )
    assert "museval/metrics.py" in done.stdout, done.stderr
