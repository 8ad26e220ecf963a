"""Small audio files of each format, as bytes."""

import io
import shutil

import numpy as np
import pytest
import soundfile

RATE = 22050
# name of a file -> (format, subtype)
LOSSLESS = {
    "a.wav": ("WAV", "PCM_16"),
    "a24.wav": ("WAV", "PCM_24"),
    "float.wav": ("WAV", "FLOAT"),
    "rf64.wav": ("RF64", "PCM_16"),
    "a.aiff": ("AIFF", "PCM_16"),
    "a.caf": ("CAF", "PCM_16"),
    "a.w64": ("W64", "PCM_16"),
    "a.au": ("AU", "PCM_16"),
    "a.flac": ("FLAC", "PCM_16"),
}
LOSSY = {"a.mp3": ("MP3", "MPEG_LAYER_III"), "a.ogg": ("OGG", "VORBIS"), "a.opus": ("OGG", "OPUS")}
FORMATS = {name: kind for name, kind in (LOSSLESS | LOSSY).items() if soundfile.check_format(*kind)}

needs_ffmpeg = pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed")


def noise(seconds: float = 3.0, seed: int = 0, rate: int = RATE) -> np.ndarray:
    """(samples,): loud and silent by turns, so that bit rates vary; 16 bits exactly."""
    rng = np.random.default_rng(seed)
    time = np.arange(round(seconds * rate)) / rate
    level = np.where(time % 1 < 0.5, 0.5, 0.0)
    return np.round(level * rng.uniform(-1, 1, len(time)) * 32767) / 32768


def encoded(name: str, waveform: np.ndarray, rate: int = RATE) -> bytes:
    file_format, subtype = FORMATS[name]
    buffer = io.BytesIO()
    rate = 24000 if subtype == "OPUS" else rate
    soundfile.write(buffer, waveform, rate, subtype=subtype, format=file_format)
    return buffer.getvalue()
