"""Audio files in and out: decoding, resampling, int16 as PANNs packs it, levels."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile
import soxr

from uss.files import atomic

FULL_SCALE = 32767  # of int16, in both directions, as in audioset_tagging_cnn


class BadAudio(ValueError):
    """The fault of one file; the message is the reason for which its clip is rejected."""


def decode(
    path: Path | str, start_seconds: float = 0.0, duration_seconds: float | None = None
) -> tuple[np.ndarray, int]:
    """Read a stretch of a file.

    Returns:
        (channels, samples) float32 and the file's rate in Hz; fewer samples than asked for where
        the file ends.

    Raises:
        BadAudio: a file that is missing, empty or not audio.
        ValueError: ffmpeg is needed and not installed.
    """
    path = Path(path)
    if not path.exists():
        raise BadAudio("missing")
    if path.stat().st_size == 0:
        raise BadAudio("empty file")
    try:
        return _read(path, start_seconds, duration_seconds)
    except soundfile.LibsndfileError as error:
        if path.suffix.lower() not in (".m4a", ".mp4", ".aac", ".webm", ".mka"):
            raise BadAudio(f"not audio ({error.error_string})") from None
    except TypeError as error:  # soundfile takes .raw for audio without a header
        raise BadAudio(f"not audio ({error})") from None
    return _read_with_ffmpeg(path, start_seconds, duration_seconds)


def _read(path: Path, start_seconds: float, duration_seconds: float | None):
    with soundfile.SoundFile(path) as file:
        rate = file.samplerate
        start = round(start_seconds * rate)
        if start > len(file):
            return np.zeros((file.channels, 0), np.float32), rate
        file.seek(start)
        frames = -1 if duration_seconds is None else round(duration_seconds * rate)
        waveform = file.read(frames, dtype="float32", always_2d=True).T
    return waveform, rate


def _read_with_ffmpeg(path: Path, start_seconds: float, duration_seconds: float | None):
    if shutil.which("ffmpeg") is None:
        raise ValueError(f"{path} needs ffmpeg, which is not installed")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "decoded.wav"
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-c:a", "pcm_f32le", str(wav)]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise BadAudio(f"not audio (ffmpeg: {lines[-1]})")
        return _read(wav, start_seconds, duration_seconds)


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """(samples,) float32 at `rate` -> (samples * new_rate / rate, rounded) at `new_rate`.

    The SoX resampler at its high quality: any pair of rates, in time and memory linear in samples.
    """
    return soxr.resample(waveform, rate, new_rate)


def write_wav(path: Path | str, waveform: np.ndarray, rate: int) -> None:
    """Write (samples,) or (channels, samples) as 32-bit float: nothing clips."""
    with atomic(path) as temporary:
        soundfile.write(temporary, np.asarray(waveform, np.float32).T, rate, subtype="FLOAT")


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
