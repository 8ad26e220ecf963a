"""Where a clip is loudest: its one event, where it holds one."""

import numpy as np

from uss.audio import FULL_SCALE


def find_loudest(
    waveforms: np.ndarray, num_samples: int, num_heard: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The stretch of each clip with the largest mean square.

    Args:
        waveforms: (clips, samples) int16.
        num_samples: of a stretch.
        num_heard: (clips,) samples of each clip before its padding, in which the stretch lies; a
            clip that is shorter than a stretch has it at its start.

    Returns:
        (clips,) first sample of each stretch, the first of equal ones, and (clips,) its level in
        dBFS; -inf where it is silent.

    Raises:
        ValueError: the packed clips are shorter than a stretch.
    """
    if waveforms.shape[1] < num_samples:
        raise ValueError("the clips are shorter than an anchor: lower anchors.segment_seconds")
    # In whole numbers: a running sum of float32 would forget what is quiet after what is loud.
    running = np.cumsum(np.square(waveforms, dtype=np.int64), axis=1)
    energy = running[:, num_samples - 1 :].copy()
    energy[:, 1:] -= running[:, :-num_samples]
    last_start = np.maximum(num_heard - num_samples, 0)
    energy[np.arange(energy.shape[1]) > last_start[:, None]] = -1
    start = energy.argmax(axis=1)
    mean_square = energy.max(axis=1) / num_samples / FULL_SCALE**2
    with np.errstate(divide="ignore"):
        return start, 10 * np.log10(mean_square)
