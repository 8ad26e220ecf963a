"""Windows and streams: nothing is lost between them."""

import numpy as np
import pytest

from uss.separation.audio_streams import Resampler
from uss.separation.windows import Windows


def through(windows: Windows, signal: np.ndarray, block: int) -> np.ndarray:
    pieces = []
    for start in range(0, signal.shape[1], block):
        pieces += windows.push(signal[:, start : start + block])
    pieces += windows.finish()
    return np.concatenate(pieces, axis=2)


@pytest.mark.parametrize("length", [1, 100, 799, 800, 801, 1299, 1300, 1301, 5000, 12345])
@pytest.mark.parametrize("block", [77, 5000])
@pytest.mark.parametrize("at_once", [1, 3])
def test_passing_through_gives_the_input_back_exactly(length, block, at_once):
    signal = np.random.default_rng(0).standard_normal((2, length)).astype(np.float32)
    windows = Windows(lambda given: np.stack([given, 2 * given], axis=1), 800, at_once)
    output = through(windows, signal, block)
    assert np.array_equal(output[0], signal)
    assert np.array_equal(output[1], 2 * signal)


def test_every_window_is_full_and_has_context():
    lengths = []
    windows = Windows(lambda given: lengths.append(given.shape[2]) or given[:, None], 800)
    through(windows, np.zeros((1, 3210), np.float32), 333)
    assert set(lengths) == {800}
    assert windows.starts == [0, 500, 1000, 1500, 2000, 2410]


def test_the_edges_of_a_window_are_not_heard():
    """A network errs most at the edges: what it gives within the context is left out."""

    def with_bad_edges(windows):
        result = windows[:, None].copy()
        result[..., :100] += 1e3
        result[..., -100:] += 1e3
        return result

    signal = np.random.default_rng(0).standard_normal((1, 4000)).astype(np.float32)
    output = through(Windows(with_bad_edges, 800), signal, 1000)[0]
    assert np.array_equal(output[:, 100:-100], signal[:, 100:-100])


def test_there_is_no_seam():
    """Windows at levels of their own are joined by slopes, never by a step."""
    gains = iter(np.tile([0.5, 1.0], 20))
    ones = np.ones((1, 6000), np.float32)
    windows = Windows(lambda given: (given * next(gains))[:, None], 800)
    assert np.abs(np.diff(through(windows, ones, 500)[0])).max() < 0.6 / 100


def test_memory_does_not_grow_with_the_stream():
    windows = Windows(lambda given: given[:, None], 800)
    sizes = set()
    for _ in range(500):
        list(windows.push(np.zeros((1, 1000), np.float32)))
        sizes.add(windows._buffer.shape[1])
    assert max(sizes) <= 800 + 500 + 1000


@pytest.mark.parametrize("rate", [8000, 16000, 44100, 192000])
@pytest.mark.parametrize("length", [1, 100, 20011])
def test_resampling_there_and_back_keeps_time(rate, length):
    time = np.arange(length) / rate
    signal = np.sin(2 * np.pi * 440 * time)[None].astype(np.float32)
    there, back = Resampler(rate, 16000, 1), Resampler(16000, rate, 1)
    pieces = []
    for start in range(0, length, 3000):
        pieces.append(back.push(there.push(signal[:, start : start + 3000])))
    nothing = np.zeros((1, 0), np.float32)
    pieces.append(back.push(there.push(nothing, last=True), last=True))
    result = np.concatenate(pieces, axis=1)
    assert abs(result.shape[1] - length) <= max(1, rate // 16000)
    if length > 1000:
        middle = slice(1000, 19000)
        assert np.abs(result[:, middle] - signal[:, middle]).max() < 1e-3
