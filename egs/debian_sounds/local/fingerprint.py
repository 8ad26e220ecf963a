"""Finds recordings that share sound, whatever their file format, rate, level or start.

Candidates come from landmarks as in Wang, "An industrial-strength audio search algorithm" (ISMIR
2003): peaks of the spectrogram, joined in pairs (two frequencies and the time between them). Two
files are candidates if they share pairs at one and the same offset in time. Many shared pairs
prove a copy; few are also found between steady tones of one pitch, so there the correlation of the
whitened waveforms decides: of a copy it has one sharp peak, even if other sounds lie on top.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from uss import audio

WINDOW_SECONDS, HOP_SECONDS = 0.064, 0.016
LOWEST_BIN, HIGHEST_BIN = 4, 250  # of 15.6 Hz: 62 Hz to 3.9 kHz, which every rate holds
PEAK_FRAMES, PEAK_BINS = 3, 10  # a peak is the largest value within this distance
PEAK_RANGE_DB = 50.0  # peaks further below the loudest one do not count
MAX_PAIR_FRAMES, PAIRS_PER_PEAK = 40, 8
MAX_PLACES = 200  # a pair of peaks found in more says nothing
CANDIDATE_PAIRS = 8
COPY_PAIRS = 100  # in these packages strangers share at most 30, copies of a second 150 or more

CORRELATION_RATE = 11025
CORRELATION_MARGIN_SECONDS = 5.0  # around what two files share by their landmarks
CORRELATION_PEAK_SECONDS = 0.02  # half the width that counts as one peak
CORRELATION_PEAK_RATIO = 2.0  # highest to second peak: at most 1.5 for strangers, 2.9 for copies


class Fingerprint(NamedTuple):
    sample_digest: str  # of the samples without silence before and after
    landmarks: list[tuple[int, int, int, int]]  # bin, later bin, frames between, first frame


def fingerprint(waveform: np.ndarray, rate: int) -> Fingerprint:
    """Of (samples,) float32 that neither begin nor end with silence."""
    samples = np.round(waveform * 32767).astype("<i2").tobytes()
    return Fingerprint(hashlib.sha256(samples).hexdigest(), landmarks(waveform, rate))


def landmarks(waveform: np.ndarray, rate: int) -> list[tuple[int, int, int, int]]:
    """Pairs of peaks; frames and bins have the same seconds and hertz at every rate."""
    frames, bins = peaks(log_spectrogram(waveform, rate))
    pairs = []
    for first in range(len(frames)):
        num_pairs = 0
        for second in range(first + 1, len(frames)):
            distance = int(frames[second] - frames[first])
            if distance > MAX_PAIR_FRAMES or num_pairs == PAIRS_PER_PEAK:
                break
            if distance > 0:
                pairs.append((int(bins[first]), int(bins[second]), distance, int(frames[first])))
                num_pairs += 1
    return pairs


def log_spectrogram(waveform: np.ndarray, rate: int) -> np.ndarray:
    """(frames, bins) in dB."""
    window = round(WINDOW_SECONDS * rate)
    num_frames = 1 + max(0, int((len(waveform) - window) / (HOP_SECONDS * rate)))
    starts = np.round(np.arange(num_frames) * HOP_SECONDS * rate).astype(int)
    padded = np.pad(waveform, (0, max(0, starts[-1] + window - len(waveform))))
    framed = padded[starts[:, None] + np.arange(window)] * np.hanning(window)
    spectrum = np.abs(np.fft.rfft(framed))[:, LOWEST_BIN : HIGHEST_BIN + 1]
    return 20 * np.log10(np.maximum(spectrum, 1e-9))


def peaks(spectrogram: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Frames and bins of the local maxima, in the order of their frames."""
    surroundings = spectrogram
    for axis, distance in ((0, PEAK_FRAMES), (1, PEAK_BINS)):
        pad = [(0, 0), (0, 0)]
        pad[axis] = (distance, distance)
        padded = np.pad(surroundings, pad, constant_values=-np.inf)
        size = 2 * distance + 1
        surroundings = np.lib.stride_tricks.sliding_window_view(padded, size, axis).max(-1)
    is_peak = (spectrogram == surroundings) & (spectrogram > spectrogram.max() - PEAK_RANGE_DB)
    frames, bins = np.nonzero(is_peak)
    return frames, bins


def copies(
    names: list[str],
    references: list[str],
    load: Callable[[str], tuple[np.ndarray, int]],
    worth_comparing: Callable[[str, str], bool],
) -> list[tuple[str, str]]:
    """The pairs (name, reference) whose files share sound, sorted.

    Args:
        names: of recordings.
        references: of recordings to find among them; may be the same ones.
        load: gives the waveform (samples,), which must not be silent, and its rate.
        worth_comparing: whether anybody needs the answer for (name, reference).
    """

    def sounding(name: str) -> tuple[np.ndarray, int]:
        waveform, rate = load(name)
        places = np.flatnonzero(waveform)
        return waveform[places[0] : places[-1] + 1], rate

    of_reference = {name: fingerprint(*sounding(name)) for name in references}
    by_samples, by_landmark = defaultdict(list), defaultdict(list)
    for reference in sorted(references):
        sample_digest, pairs = of_reference[reference]
        by_samples[sample_digest].append(reference)
        for *pair, frame in pairs:
            by_landmark[tuple(pair)].append((reference, frame))
    found = set()
    for name in tqdm(sorted(names), desc="copies", disable=None):
        sound = None if name in of_reference else sounding(name)
        sample_digest, pairs = of_reference[name] if sound is None else fingerprint(*sound)
        shared: Counter[tuple[str, int]] = Counter()  # landmarks at each reference and offset
        for *pair, frame in pairs:
            places = by_landmark.get(tuple(pair), [])
            if len(places) <= MAX_PLACES:
                shared.update((other, other_frame - frame) for other, other_frame in places)
        most = {other: (COPY_PAIRS, 0) for other in by_samples.get(sample_digest, [])}  # identical
        for (reference, offset), num in shared.items():
            most[reference] = max(most.get(reference, (0, 0)), (num, offset))
        for reference, (num, offset) in most.items():
            if num < CANDIDATE_PAIRS or not worth_comparing(name, reference):
                continue
            if num < COPY_PAIRS:
                sound = sound or sounding(name)
                other = sounding(reference)
                start = offset * HOP_SECONDS  # of the one sound in the other
                if not correlate(part(sound, other, -start), part(other, sound, start)):
                    continue
            found.add((name, reference))
    return sorted(found)


def part(
    sound: tuple[np.ndarray, int], other: tuple[np.ndarray, int], start: float
) -> tuple[np.ndarray, int]:
    """What of `sound` the other one may lie in, if it starts there, in seconds: a piece of music
    need not be compared with a bell from end to end."""
    waveform, rate = sound
    seconds = len(other[0]) / other[1]
    first = max(0, round((start - CORRELATION_MARGIN_SECONDS) * rate))
    return waveform[first : round((start + seconds + CORRELATION_MARGIN_SECONDS) * rate)], rate


def correlate(one: tuple[np.ndarray, int], other: tuple[np.ndarray, int]) -> bool:
    """Whether the whitened waveforms correlate at one offset far more than at any other."""
    first, second = (audio.resample(*sound, CORRELATION_RATE) for sound in (one, other))
    size = 1 << (len(first) + len(second)).bit_length()
    spectrum = whitened_spectrum(first, size) * np.conj(whitened_spectrum(second, size))
    correlation = np.abs(np.fft.irfft(spectrum, size))
    highest = correlation.max()
    width = round(CORRELATION_PEAK_SECONDS * CORRELATION_RATE)
    around = np.arange(-width, width + 1) + correlation.argmax()
    correlation[around % size] = 0
    return bool(highest > CORRELATION_PEAK_RATIO * correlation.max())


def whitened_spectrum(waveform: np.ndarray, size: int) -> np.ndarray:
    """Spectrum divided by its own envelope: otherwise the strongest tone decides everything."""
    spectrum = np.fft.rfft(waveform, size)
    envelope = np.convolve(np.abs(spectrum), np.ones(101) / 101, "same")
    return spectrum / (envelope + 1e-3 * envelope.max())
