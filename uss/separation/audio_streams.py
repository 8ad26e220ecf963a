"""A recording of any size, a block at a time: resampling, writing without clipping."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import soundfile
import soxr

from uss.audio_files.reader import AudioFile

BITS = {"PCM_16": 16, "PCM_24": 24, "PCM_32": 32}
FLAC_CHANNELS, FLAC_RATE = 8, 655350  # at most
LARGE_BYTES = 2**31 - 2**20  # above it a WAV file's header has no room: RF64


class Resampler:
    """A stream (channels, samples) from one rate to another (SoX, high quality), in step: the
    output is the input's length times the rates' ratio, rounded, without delay."""

    def __init__(self, rate: int, new_rate: int, num_channels: int) -> None:
        same = rate == new_rate
        self.stream = None if same else soxr.ResampleStream(rate, new_rate, num_channels)

    def push(self, block: np.ndarray, last: bool = False) -> np.ndarray:
        block = np.asarray(block, np.float32)
        if self.stream is None:
            return block
        return self.stream.resample_chunk(np.ascontiguousarray(block.T), last=last).T


class Writer:
    """An audio file that grows by blocks.

    WAV never clips. 16, 24 and 32-bit integers where the input has them, else 32-bit float. A
    sample beyond full scale turns an integer file into a float one: what is written so far is
    copied. FLAC has integers only: 16 bits where the input has them, else 24. There a sample beyond
    full scale is clipped, and counted.

    Args:
        path: of the file; the caller renames it when all is well.
        file: the input, whose rate, channels and subtype are taken.
        format: wav or flac.

    Attributes:
        num_clipped: samples so far.

    Raises:
        ValueError: FLAC cannot hold such a recording.
    """

    def __init__(self, path: Path, file: AudioFile, format: str = "wav") -> None:
        self.path = path
        self.rate, self.channels = file.samplerate, file.channels
        self.num_clipped = 0
        if format == "flac":
            if self.channels > FLAC_CHANNELS or self.rate > FLAC_RATE:
                raise ValueError(
                    f"FLAC holds up to {FLAC_CHANNELS} channels and {FLAC_RATE} Hz, and this has "
                    f"{self.channels} and {self.rate} Hz: write --format wav"
                )
            self.format = "FLAC"
            self.subtype = "PCM_16" if file.subtype == "PCM_16" else "PCM_24"
        else:
            large = file.frames * file.channels * 4 > LARGE_BYTES
            self.format = "RF64" if large else "WAV"
            self.subtype = file.subtype if file.subtype in BITS else "FLOAT"
        self._file = self._open(path)

    def _open(self, path: Path) -> soundfile.SoundFile:
        with _faults(path):
            return soundfile.SoundFile(
                os.fsencode(path), "w", self.rate, self.channels, self.subtype, format=self.format
            )

    def write(self, block: np.ndarray) -> np.ndarray:
        """(channels, samples) -> the same as it stands in the file, float64.

        Raises:
            ValueError: a sample that is not finite, as a 32-bit float.
        """
        if self.subtype == "FLOAT":
            with np.errstate(over="ignore"):
                stored = block.astype(np.float32)
            if not np.isfinite(stored).all():
                raise ValueError("a sample to be written is not finite (NaN or infinite)")
            self._put(stored.T)
            return stored.astype(np.float64)
        full_scale = 2.0 ** (BITS[self.subtype] - 1)
        rounded = np.round(block * full_scale)
        # Written so that NaN, which compares with nothing, is beyond full scale.
        if not (rounded.max(initial=0) < full_scale and rounded.min(initial=0) >= -full_scale):
            if self.format != "FLAC":
                self._to_float()
                return self.write(block)
            rounded = self._clipped(rounded, full_scale)
        # libsndfile scales floats by one less than full scale: integers are written as they are.
        if self.subtype == "PCM_16":
            self._put(rounded.T.astype(np.int16))
        else:
            self._put((rounded.T * (2.0**31 / full_scale)).astype(np.int32))
        return rounded / full_scale

    def _clipped(self, rounded: np.ndarray, full_scale: float) -> np.ndarray:
        clipped = np.clip(rounded, -full_scale, full_scale - 1)
        if not np.isfinite(clipped).all():
            raise ValueError("a sample to be written is not a number (NaN)")
        self.num_clipped += int(np.count_nonzero(clipped != rounded))
        return clipped

    def _put(self, samples: np.ndarray) -> None:
        with _faults(self.path):
            self._file.write(samples)

    def _to_float(self) -> None:
        self.close()
        self.subtype = "FLOAT"
        copy = self.path.with_suffix(".float")
        self._file = self._open(copy)
        try:
            with _faults(self.path), soundfile.SoundFile(os.fsencode(self.path)) as before:
                for block in before.blocks(2**18, dtype="float32", always_2d=True):
                    self._put(block)
            os.replace(copy, self.path)
        finally:
            copy.unlink(missing_ok=True)

    def close(self) -> None:
        with _faults(self.path):
            self._file.close()


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    """What libsndfile cannot write is the disk's fault, and not the input's, whose reader is open
    meanwhile. It does not say why; soundfile asserts that all was written."""
    try:
        yield
    except (soundfile.LibsndfileError, AssertionError) as error:
        raise OSError(f"{path}: libsndfile could not write all of it ({error})") from None
