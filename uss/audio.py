"""Audio files in and out: decoding, resampling, int16 as PANNs packs it, levels."""

import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import soundfile

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
        ValueError: a file that is missing, empty or not audio.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError("missing")
    if path.stat().st_size == 0:
        raise ValueError("empty file")
    try:
        return _read(path, start_seconds, duration_seconds)
    except soundfile.LibsndfileError as error:
        if path.suffix.lower() not in (".m4a", ".mp4", ".aac", ".webm", ".mka"):
            raise ValueError(f"not audio ({error.error_string})") from None
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
        raise ValueError(f"{path.suffix} needs ffmpeg, which is not installed")
    with tempfile.TemporaryDirectory() as folder:
        wav = Path(folder) / "decoded.wav"
        command = ["ffmpeg", "-v", "error", "-i", str(path), "-c:a", "pcm_f32le", str(wav)]
        done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no reason given"]
            raise ValueError(f"not audio (ffmpeg: {lines[-1]})")
        return _read(wav, start_seconds, duration_seconds)


def resample(waveform: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """(..., samples) float32 at `rate` -> (..., ceil(samples * new_rate / rate)) at `new_rate`.

    Band-limited interpolation with a Hann-windowed sinc (torchaudio).
    """
    if rate == new_rate:
        return waveform
    import torch
    from torchaudio.functional import resample as resample_tensor

    tensor = torch.from_numpy(np.ascontiguousarray(waveform, dtype=np.float32))
    return resample_tensor(tensor, rate, new_rate, lowpass_filter_width=32).numpy()


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
