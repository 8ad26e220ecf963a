"""Clips of audio in and out: decoding, resampling, int16 as PANNs packs it, levels."""

import io
from pathlib import Path

import numpy as np
import soundfile
import soxr

from uss.audio_files.ffmpeg import NeedsFfmpeg
from uss.audio_files.reader import opened, stretch
from uss.audio_files.view import BadAudio as BadAudio  # imported from here by those who decode
from uss.files import atomic

FULL_SCALE = 32767  # of int16, in both directions, as in audioset_tagging_cnn


def decode(
    path: Path | str, start_seconds: float = 0.0, duration_seconds: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a stretch of a file.

    Returns:
        (channels, samples) float32 and the file's rate in Hz; fewer samples than asked for where
        the file ends.

    Raises:
        BadAudio: the file's fault, as `uss.audio_files.reader` finds it.
        ValueError: ffmpeg is needed and not installed.
        OSError: the system does not let it be read; it names the file.
    """
    until = None if duration_seconds is None else start_seconds + duration_seconds + 1
    try:
        with opened(path, until) as file:
            rate = file.samplerate
            count = None if duration_seconds is None else round(duration_seconds * rate)
            parts = [np.zeros((file.channels, 0), np.float32)]
            for block in stretch(file, round(start_seconds * rate), count):
                parts.append(block.astype(np.float32))
            return np.concatenate(parts, axis=1), rate
    except NeedsFfmpeg as error:
        raise ValueError(f"{path} {error}") from None


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """(samples,) float32 at `rate` -> (samples * new_rate / rate, rounded) at `new_rate`.

    The SoX resampler at its high quality: any pair of rates, in time and memory linear in samples.
    """
    return soxr.resample(waveform, rate, new_rate)


def write_wav(path: Path | str, waveform: np.ndarray, rate: int) -> None:
    """Write (samples,) or (channels, samples) as 32-bit float: nothing clips."""
    write_audio(path, np.asarray(waveform, np.float32).T, rate, "WAV", "FLOAT")


def write_audio(
    path: Path | str, samples: np.ndarray, rate: int, file_format: str, subtype: str
) -> None:
    """Write (samples,) or (samples, channels), atomically.

    Encoded in memory first: libsndfile does not say that a disk is full.
    """
    buffer = io.BytesIO()
    soundfile.write(buffer, samples, rate, subtype=subtype, format=file_format)
    with atomic(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def to_int16(waveform: np.ndarray) -> np.ndarray:
    """Float in [-1, 1] to int16; what lies beyond is an error of the caller."""
    assert np.abs(waveform).max(initial=0.0) <= 1.0
    return np.round(waveform * FULL_SCALE).astype(np.int16)


def from_int16(waveform: np.ndarray) -> np.ndarray:
    return waveform.astype(np.float32) / FULL_SCALE


def dbfs(waveform: np.ndarray) -> float:
    """RMS level in dB relative to full scale; -inf for silence."""
    mean_square = float(np.mean(np.square(waveform, dtype=np.float64))) if waveform.size else 0.0
    return 10 * np.log10(mean_square) if mean_square > 0 else float("-inf")
