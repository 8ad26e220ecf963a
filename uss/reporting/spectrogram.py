"""Log-magnitude spectrograms for figures, in numpy."""

import numpy as np

WINDOW_SECONDS = 0.032
HOP_SECONDS = 0.008
RANGE_DB = 70.0  # of the colour scale, below the loudest point of all panels


def spectrogram(waveform: np.ndarray, rate: int) -> np.ndarray:
    """(samples,) -> (frames, bins) in dB relative to full scale, with a Hann window."""
    size, hop = round(WINDOW_SECONDS * rate), round(HOP_SECONDS * rate)
    padded = np.pad(waveform, (size // 2, size))  # the first frame is centred on the first sample
    frames = np.lib.stride_tricks.sliding_window_view(padded, size)[: len(waveform) : hop]
    window = np.hanning(size + 1)[:-1]
    magnitude = np.abs(np.fft.rfft(frames * window, axis=1)) * 2 / window.sum()
    return 20 * np.log10(np.maximum(magnitude, 1e-10))


def colour_limits(spectrograms: list[np.ndarray]) -> tuple[float, float]:
    """(lowest, highest) dB of a scale that all of them share."""
    top = max(float(values.max()) for values in spectrograms)
    return top - RANGE_DB, top
