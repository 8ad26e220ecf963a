"""Anchors of training mixtures, as other recordings might sound (docs/method.md, section 2).

Everything is drawn from (seed, row of the list, side), so that stages 4 and 5 hear the same.
"""

from pathlib import Path

import numpy as np

from uss.audio import from_int16
from uss.data.anchor_set import AnchorSet
from uss.data.waveforms import WaveformSet
from uss.layout import command_of_stage
from uss.schema import Augmentation
from uss.seeding import rng

SIDES = ("target", "interferer")
TILT_HERTZ = 1000.0  # where a tilt changes nothing, nearly
MIN_KEPT_ENERGY = 0.1  # of an anchor's; with less, a shift would have left the sound behind


class Augmenter:
    """Changes anchors of one split.

    Args:
        anchors: of the split.
        settings: how much.
        split_dir: data/<split>, whose clips hold what comes before and after an anchor.

    Attributes:
        clips: of the split; None where neither shift nor speed needs them.

    Raises:
        ValueError: an anchor is no stretch of a packed clip.
    """

    def __init__(self, anchors: AnchorSet, settings: Augmentation, split_dir: Path) -> None:
        self.anchors = anchors
        self.settings = settings
        self.clips = WaveformSet(split_dir) if settings.needs_clips else None
        if self.clips is not None:
            row_of = {name: row for row, name in enumerate(self.clips.names)}
            self.clip_rows = np.array([row_of.get(a.clip_id, -1) for a in anchors.anchors])
            self.starts = np.array([anchor.start_sample for anchor in anchors.anchors])
            last_start = self.clips.num_samples - anchors.num_samples
            fit = self.clip_rows.min() >= 0 <= self.starts.min() and self.starts.max() <= last_start
            if not fit or self.clips.sample_rate != anchors.sample_rate:
                raise ValueError(
                    f"{anchors.packed.folder} has anchors of other clips than "
                    f"{self.clips.packed.folder}; write them again: {command_of_stage(2)}"
                )

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of what is read beside the anchors."""
        return {} if self.clips is None else {"waveforms": self.clips.packed.digest}

    def signals(self, anchor_rows: np.ndarray, list_rows: np.ndarray, side: str) -> np.ndarray:
        """(len(anchor_rows), samples) float32: the anchors, as they are in these rows of the list.

        side: one of SIDES.
        """
        settings = self.settings
        number = SIDES.index(side)
        draws = [
            rng(settings.seed, "augmentation", row, number).uniform(-1, 1, 5)
            for row in np.asarray(list_rows).tolist()
        ]  # all five, whichever are used: to turn one on changes no other
        gain, sign, shift, tilt, speed = np.array(draws).reshape(-1, 5).T
        if self.clips is None:
            signals = self.anchors.signals(anchor_rows)
        else:
            shifts = np.rint(settings.shift_seconds * self.clips.sample_rate * shift).astype(int)
            signals = self._from_clips(anchor_rows, shifts, (1 + settings.speed) ** speed)
        if settings.tilt_db > 0:
            signals = tilted(signals, settings.tilt_db * tilt, self.anchors.sample_rate)
        factors = 10 ** (settings.gain_db * gain / 20)
        if settings.polarity:
            factors *= np.where(sign < 0, -1, 1)
        return signals * factors[:, None].astype(np.float32)

    def _from_clips(
        self, anchor_rows: np.ndarray, shifts: np.ndarray, speeds: np.ndarray
    ) -> np.ndarray:
        assert self.clips is not None
        length = self.anchors.num_samples
        clips = self.clips.read(self.clip_rows[anchor_rows])
        starts = self.starts[anchor_rows]
        shifted = np.clip(starts + shifts, 0, self.clips.num_samples - length)
        result = np.empty((len(clips), length), np.float32)
        for row, clip in enumerate(clips):
            start = shifted[row]
            if energy(clip, start, length) < MIN_KEPT_ENERGY * energy(clip, starts[row], length):
                start = starts[row]
            result[row] = resampled(clip, start, length, speeds[row])
        return result


def energy(clip: np.ndarray, start: int, length: int) -> float:
    segment = clip[start : start + length].astype(np.float32)
    return float(segment @ segment)


def resampled(clip: np.ndarray, start: int, length: int, speed: float) -> np.ndarray:
    """(length,) float32: the stretch of a clip around the same centre, played at another speed.

    clip: (samples,) int16, silent before and after. Catmull-Rom cubics between the samples.
    """
    if speed == 1:
        return from_int16(clip[start : start + length])
    centre = (length - 1) / 2
    positions = start + centre + speed * (np.arange(length) - centre)
    before = np.floor(positions).astype(np.int64)
    t = (positions - before).astype(np.float32)
    first, last = int(before[0]) - 1, int(before[-1]) + 3  # of what is needed
    inside = from_int16(clip[max(first, 0) : max(last, 0)])
    needed = np.pad(inside, (max(-first, 0), last - first - len(inside) - max(-first, 0)))
    a, b, c, d = (needed[place:][before - first - 1] for place in range(4))
    return b + t / 2 * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))


def tilted(signals: np.ndarray, tilt_db: np.ndarray, sample_rate: int) -> np.ndarray:
    """(n, samples) float32, each through a first-order shelf: -tilt / 2 at 0 Hz, + tilt / 2 at half
    the sample rate. H(s) = (g s + 1 / g) / (s + 1), g = 10^(tilt / 40), s = 1 at 1 kHz, by the
    bilinear transform.

    tilt_db: (n,).
    """
    from scipy.signal import lfilter  # half a second, for nothing where it is not used

    result = np.empty_like(signals)
    warped = np.tan(np.pi * TILT_HERTZ / sample_rate)
    for row, gain in enumerate(10 ** (tilt_db / 40)):
        numerator = np.array([gain + warped / gain, warped / gain - gain], np.float32)
        denominator = np.array([1 + warped, warped - 1], np.float32)
        result[row] = lfilter(numerator, denominator, signals[row])
    return result
