"""The samples of one stream of a file, through libsndfile, which is not believed: the rate, each
sample, and their number are checked."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import soundfile

from uss.audio_files.kinds import Stream
from uss.audio_files.view import BadAudio, Piece, View

BLOCK_SECONDS = 2.0
MIN_RATE, MAX_RATE = 1000, 1_000_000  # Hz
MAX_CHANNELS = 64  # ambisonics of the seventh order
MAX_VALUE = 1e6  # no sound: full scale is 1
# In samples. Of a whole Ogg file the decoder may give fewer than its pages count, but by no more:
# where that count begins below zero, or ends within a block.
LONGEST_BLOCK = {"VORBIS": 8192, "OPUS": 5760}
# A seek among these finds the very sample; lossy ones are decoded from their start.
EXACT = ("PCM_S8", "PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW")


class OneWay(soundfile.SoundFile):
    """Read from its start to its end: soundfile seeks at every read otherwise, which a FLAC file of
    unknown length does not bear."""

    def seekable(self) -> bool:
        return False


class Part:
    """A stream of an open file.

    Attributes:
        samplerate, channels, subtype: as soundfile has them.
        frames: samples of a channel.
    """

    def __init__(self, file: BinaryIO, stream: Stream) -> None:
        self.file = file
        self.pieces = stream.pieces
        self.frames = 0
        self._read_header()
        if not MIN_RATE <= self.samplerate <= MAX_RATE:
            raise BadAudio(
                f"its rate is {self.samplerate} Hz, which is no rate of audio ({MIN_RATE} to "
                f"{MAX_RATE} Hz)"
            )
        if self.channels > MAX_CHANNELS:
            raise BadAudio(f"it has {self.channels} channels, more than {MAX_CHANNELS}")
        least = (stream.num_samples or 0) - stream.num_gapless
        if self.frames < least and stream.counted is not None:
            self.pieces = stream.counted
            self._read_header()
        if self.frames < least:
            raise BadAudio(
                f"the decoder finds {self.frames / self.samplerate:.2f} s of "
                f"{least / self.samplerate:.2f} s"
            )
        self.whole = stream.uncounted or self.pieces
        self.is_exact = self.subtype in EXACT
        if stream.uncounted is not None and stream.num_samples is None:
            self.frames, self.is_exact = self._count(), False
        elif stream.num_samples is not None:  # a guess of the decoder may be too high
            self.frames = min(self.frames, stream.num_samples)

    def stretch(self, start: int, stop: int | None, before: int) -> Iterator[np.ndarray]:
        """(channels, samples) float64 from `start` to `stop`, which is not beyond the end; None: to
        the end, and all samples are counted. before: samples of earlier parts, for messages."""
        position, size = 0, round(BLOCK_SECONDS * self.samplerate)
        with self._opened(self.whole if stop is None else self.pieces) as (sound, view):
            if stop is not None and self.is_exact and start > 0:
                position = sound.seek(start)
            while stop is None or position < stop:
                num = size if stop is None else min(size, stop - position)
                block = self._read(sound, view, num, before + position)
                if not len(block):
                    break
                wanted = block[max(0, start - position) :]
                _check(wanted, before + max(start, position), self.samplerate)
                position += len(block)
                if len(wanted):
                    yield wanted.T
        expected = self.frames if stop is None else stop
        nearly = max(1, self.frames - LONGEST_BLOCK.get(self.subtype, 0))
        if position != expected and not nearly <= position < expected:
            found, of = ((before + number) / self.samplerate for number in (position, expected))
            raise BadAudio(
                f"breaks off: {found:.2f} s of {of:.2f} s are there"
                if position < expected
                else f"holds more than the {of:.2f} s that its header announces"
            )

    def _read_header(self) -> None:
        with self._opened(self.pieces) as (sound, _):
            self.samplerate, self.channels = sound.samplerate, sound.channels
            self.subtype, self.frames = sound.subtype, sound.frames

    def _count(self) -> int:
        num_samples, size = 0, round(BLOCK_SECONDS * self.samplerate)
        with self._opened(self.whole) as (sound, view):
            while num := len(self._read(sound, view, size, num_samples)):
                num_samples += num
        return num_samples

    @contextmanager
    def _opened(self, pieces: list[Piece]) -> Iterator[tuple[OneWay, View]]:
        view = View(self.file, pieces)
        try:
            sound = OneWay(view)
        except soundfile.LibsndfileError:
            view.check()
            raise
        with sound:
            yield sound, view

    def _read(self, sound: OneWay, view: View, size: int, num_before: int) -> np.ndarray:
        """(samples, channels) float64, none at the end."""
        try:
            block = sound.read(size, dtype="float64", always_2d=True)
        except soundfile.LibsndfileError as error:
            view.check()
            start, end = (number / self.samplerate for number in (num_before, num_before + size))
            reason = error.error_string
            raise BadAudio(f"breaks off between {start:.2f} and {end:.2f} s ({reason})") from None
        view.check()
        return block


def _check(block: np.ndarray, start: int, rate: int) -> None:
    """Raise BadAudio at the first sample of (samples, channels) that is no sound."""
    fine = (np.abs(block) <= MAX_VALUE).all(axis=1)  # False for NaN
    if fine.all():
        return
    row = int(np.argmin(fine))
    seconds = (start + row) / rate
    if not np.isfinite(block[row]).all():
        raise BadAudio(f"a sample is not finite (NaN or infinite) at {seconds:.3f} s")
    value = np.abs(block[row]).max()
    raise BadAudio(
        f"a sample of {value:.3g} at {seconds:.3f} s is beyond any sound (full scale: 1)"
    )
