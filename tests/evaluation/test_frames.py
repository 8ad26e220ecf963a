"""Our SDR of frames beside museval's own."""

import numpy as np
import pytest

from uss.evaluation.cross_check import museval_metrics
from uss.evaluation.metrics import frames_sdr, silent_frames
from uss.separation.recording_measurement import frames_of

FRAME, NUM_FRAMES = 400, 4


@pytest.fixture
def signals():
    """(2 sources, 2 channels, four and a half frames) and estimates; a frame of one is silent."""
    rng = np.random.default_rng(0)
    references = rng.standard_normal((2, 2, round((NUM_FRAMES + 0.5) * FRAME)))
    references[1, :, FRAME : 2 * FRAME] = 0
    estimates = references + 0.3 * rng.standard_normal(references.shape)
    return references, estimates


def test_frames_are_those_of_museval(signals):
    references, estimates = signals
    turned = (signal.transpose(0, 2, 1) for signal in signals)
    expected, *_ = museval_metrics().bss_eval(*turned, window=FRAME, hop=FRAME, filters_len=16)
    found = frames_of(list(references), list(estimates), FRAME)
    assert expected.shape == (2, NUM_FRAMES) and np.isnan(expected[:, 1]).all()
    np.testing.assert_allclose(found, expected, atol=1e-3)


def test_a_silent_frame_is_one_whose_channels_cancel(signals):
    signal = signals[0][0]
    signal[1, 2 * FRAME : 3 * FRAME] = -signal[0, 2 * FRAME : 3 * FRAME]
    assert silent_frames(signal, FRAME).tolist() == [False, False, True, False]
    assert np.isposinf(frames_sdr(signal, signal, FRAME)).all()
    assert len(frames_sdr(signal[:, : FRAME - 1], signal[:, : FRAME - 1], FRAME)) == 0
