"""The one reader of audio files: all samples or a stretch, a block at a time."""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import soundfile

from uss.audio_files.ffmpeg import decode_with_ffmpeg
from uss.audio_files.kinds import Kind, Stream, kind_of
from uss.audio_files.part import Part
from uss.audio_files.view import BadAudio, Bytes


class AudioFile:
    """An open audio file: one stream, or several of a format that follow each other.

    Attributes:
        samplerate, channels, subtype: as soundfile has them.
        frames: samples of a channel.
    """

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts
        first = parts[0]
        self.samplerate, self.channels, self.subtype = (
            first.samplerate,
            first.channels,
            first.subtype,
        )
        self.frames = sum(part.frames for part in parts)
        for part in parts:
            if (part.samplerate, part.channels) != (self.samplerate, self.channels):
                raise BadAudio(
                    "holds streams of different rates or channels: files that were joined; take "
                    "them apart"
                )


@contextmanager
def opened(path: Path | str, until_seconds: float | None = None) -> Iterator[AudioFile]:
    """An audio file, or the first audio stream of a container that ffmpeg can read.

    until_seconds: what comes later need not be read.

    Raises:
        BadAudio: missing, empty, no audio, or less or more audio than it says.
        NeedsFfmpeg: ffmpeg is needed and not installed.
        OSError: the system does not let it be read; it names the file.
    """
    path = Path(path)
    try:
        with _regular(path) as file:
            kind = kind_of(Bytes(file))
            audio = _with_libsndfile(file, kind)
            if audio is not None:
                yield audio
                return
        assert kind.demuxer is not None
        with decode_with_ffmpeg(path, kind.demuxer, until_seconds) as decoded:
            size = os.fstat(decoded.fileno()).st_size
            yield AudioFile([Part(decoded, Stream([range(size)]))])
    except soundfile.LibsndfileError as error:
        raise BadAudio(f"not audio ({error.error_string})") from None
    except OSError as error:
        if error.filename is None and error.errno is not None:
            raise OSError(error.errno, os.strerror(error.errno), str(path)) from error
        raise


def blocks(file: AudioFile) -> Iterator[np.ndarray]:
    """All of it: (channels, samples) float64, which holds 32-bit integers exactly.

    Raises:
        BadAudio: no samples, a sample that is no sound, or a file that breaks off.
        OSError: the system does not let it be read.
    """
    if file.frames == 0:
        raise BadAudio("holds no samples")
    yield from stretch(file, 0, None)


def stretch(file: AudioFile, start: int, count: int | None) -> Iterator[np.ndarray]:
    """`count` samples from `start` on, or what there is of them. As `blocks`."""
    before = 0
    for part in file.parts:
        stop = None if count is None else start + count - before
        if stop is not None and stop <= 0:
            return
        if stop is not None and stop > part.frames:
            stop = None  # to its end, which is checked
        yield from part.stretch(max(0, start - before), stop, before)
        before += part.frames


def _with_libsndfile(file: BinaryIO, kind: Kind) -> AudioFile | None:
    """None: ffmpeg shall try."""
    if kind.streams is None:
        return None
    try:
        return AudioFile([Part(file, stream) for stream in kind.streams])
    except soundfile.LibsndfileError:
        if kind.demuxer is None:
            raise
        return None


def _regular(path: Path) -> BinaryIO:
    """The file, open; a pipe or a device, which may never end, is no file."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        raise BadAudio("missing") from None
    except OSError as error:
        if error.errno == errno.ENXIO:  # a socket
            raise BadAudio("not a regular file") from None
        raise
    is_regular = stat.S_ISREG(os.fstat(number).st_mode)
    if not is_regular or os.fstat(number).st_size == 0:
        os.close(number)
        raise BadAudio("empty file" if is_regular else "not a regular file")
    return cast(BinaryIO, os.fdopen(number, "rb", buffering=0))
