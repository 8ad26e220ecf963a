"""The sound of a recording, ready to be placed in a clip: band, rate, ends, excerpt, level."""

from pathlib import Path

import numpy as np

from uss import audio

from .data_config import Data
from .recordings import load_mono

FRAME_SECONDS = 0.02
FADE_SECONDS = 0.01  # where an excerpt cuts into a recording
EXCERPT_RANGE_DB = 12.0  # an excerpt is at most this far below the recording's loudest one
MAX_PEAK = 0.9


def load_sound(file: Path | str, config: Data) -> np.ndarray:
    """(samples,) float32 at the clips' rate: mono, high-passed, silence at both ends removed.

    Empty where the recording is silent.
    """
    waveform, rate = load_mono(file)
    if not waveform.any():
        return waveform[:0]
    waveform = highpass(waveform, rate, config.highpass_hertz)
    waveform = audio.resample(waveform, rate, config.sample_rate)
    return trim(waveform, config.sample_rate, config.trim_db)


def highpass(waveform: np.ndarray, rate: int, cutoff_hertz: float) -> np.ndarray:
    """Without frequencies below half the cut-off; a raised cosine up to the cut-off."""
    # What rings lands in the padding, not at the other end; a power of two is fast.
    padded = 1 << (len(waveform) + rate).bit_length()
    spectrum = np.fft.rfft(waveform, padded)
    position = 2 * np.fft.rfftfreq(padded, 1 / rate) / cutoff_hertz - 1
    spectrum *= np.sin(np.pi / 2 * np.clip(position, 0, 1)) ** 2
    return np.fft.irfft(spectrum, padded)[: len(waveform)].astype(np.float32)


def frame_energies(waveform: np.ndarray, frame: int) -> np.ndarray:
    """Mean square of each `frame` samples; the last frame is zero-padded."""
    padded = np.pad(waveform, (0, -len(waveform) % frame)).astype(np.float64)
    return np.mean(padded.reshape(-1, frame) ** 2, axis=1)


def trim(waveform: np.ndarray, rate: int, range_db: float) -> np.ndarray:
    """From the first to the last frame within `range_db` of the loudest."""
    frame = round(FRAME_SECONDS * rate)
    energies = frame_energies(waveform, frame)
    sounding = np.flatnonzero(energies > energies.max() * 10 ** (-range_db / 10))
    return waveform[sounding[0] * frame : (sounding[-1] + 1) * frame]


def excerpt(sound: np.ndarray, config: Data, rng: np.random.Generator) -> np.ndarray:
    """At most `max_event_seconds`: a short sound as it is, of a long one a random loud part."""
    num_samples = round(config.max_event_seconds * config.sample_rate)
    if len(sound) <= num_samples:
        return sound
    frame = round(FRAME_SECONDS * config.sample_rate)
    energies = frame_energies(sound, frame)
    total = np.concatenate([[0.0], np.cumsum(energies)])
    num_frames = num_samples // frame
    window_energies = total[num_frames:] - total[:-num_frames]
    loud = window_energies >= window_energies.max() * 10 ** (-EXCERPT_RANGE_DB / 10)
    start = min(int(rng.choice(np.flatnonzero(loud))) * frame, len(sound) - num_samples)
    part = sound[start : start + num_samples].copy()
    fade = np.sin(np.linspace(0, np.pi / 2, round(FADE_SECONDS * config.sample_rate))) ** 2
    if start > 0:
        part[: len(fade)] *= fade
    if start + num_samples < len(sound):
        part[-len(fade) :] *= fade[::-1]
    return part


def set_level(waveform: np.ndarray, dbfs: float) -> np.ndarray:
    """At this RMS level, or below where the peak would exceed `MAX_PEAK`."""
    gain = 10 ** ((dbfs - audio.dbfs(waveform)) / 20)
    return waveform * min(gain, MAX_PEAK / np.abs(waveform).max())


def draw_level(dbfs: list[float], rng: np.random.Generator) -> float:
    """Evenly between the lowest and the highest level."""
    lowest, highest = dbfs
    return rng.uniform(lowest, highest)


def pink_noise(num_samples: int, dbfs: float, rng: np.random.Generator) -> np.ndarray:
    """(samples,) with power as 1 / frequency."""
    spectrum = np.fft.rfft(rng.standard_normal(num_samples))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, num_samples)
    return noise * 10 ** ((dbfs - audio.dbfs(noise)) / 20)
