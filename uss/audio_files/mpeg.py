"""MP3 (and MPEG audio of layers I and II), frame by frame.

libsndfile guesses the length from the first frame's bit rate where no Xing frame says it, and
believes a Xing frame that speaks of the first of several joined files. So the frames are counted
here; where the guess is too low, libsndfile gets them behind a Xing frame of our own.
"""

import struct
from functools import lru_cache
from typing import NamedTuple

from uss.audio_files.tags import after_tags, is_blank
from uss.audio_files.view import BadAudio, Bytes, Piece

SEARCH_BYTES = 2881  # before the first frame: the end of one that was cut, and none is longer
# Samples that libsndfile leaves out: at both ends, as the encoder's Xing frame tells; at the start,
# where a Xing frame tells nothing of it, the decoder's own delay.
MAX_GAPLESS, DECODER_DELAY = 4608, 529
KBPS = {  # (MPEG-1, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


class Frame(NamedTuple):
    """What a frame's header says; `kind` is the same for all frames of a stream."""

    kind: tuple[int, int, int, bool]  # version, layer, rate, mono
    num_bytes: int
    num_samples: int

    @property
    def side_bytes(self) -> int:
        """Of layer III, between the header and a Xing tag."""
        version, _, _, mono = self.kind
        return (17 if mono else 32) if version == 3 else (9 if mono else 17)


class Mpeg(NamedTuple):
    """A stream. pieces: for libsndfile; counted: the same behind a Xing frame of our own, for where
    libsndfile guesses too little; num_samples: what all frames hold; num_gapless: how many fewer
    samples may be given."""

    pieces: list[Piece]
    counted: list[Piece] | None
    num_samples: int
    num_gapless: int


@lru_cache(2048)
def parse(header: bytes) -> Frame | None:
    """Four bytes as a frame's header."""
    if len(header) < 4 or header[0] != 0xFF or header[1] & 0xE0 != 0xE0:
        return None
    version, layer = header[1] >> 3 & 3, 4 - (header[1] >> 1 & 3)
    bit_rate, rate, padding = header[2] >> 4, header[2] >> 2 & 3, header[2] >> 1 & 1
    if version == 1 or layer == 4 or bit_rate in (0, 15) or rate == 3:
        return None
    hertz = (44100, 48000, 32000)[rate] >> {3: 0, 2: 1, 0: 2}[version]
    bits = KBPS[version == 3, layer][bit_rate] * 1000
    if layer == 1:
        num_bytes, num_samples = (12 * bits // hertz + padding) * 4, 384
    else:
        num_samples = 576 if layer == 3 and version != 3 else 1152
        num_bytes = num_samples // 8 * bits // hertz + padding
    return Frame((version, layer, hertz, header[3] >> 6 == 3), num_bytes, num_samples)


def first_frame(content: Bytes) -> int | None:
    """Where the frames begin: two of a kind, behind tags and a little that is no frame."""
    begin = after_tags(content, 0)
    padded = content.at(begin, 2**16)
    begin += len(padded) - len(padded.lstrip(b"\0"))
    block = content.at(begin, SEARCH_BYTES)
    offset = block.find(b"\xff")
    while offset >= 0:
        frame = parse(block[offset : offset + 4])
        if frame is not None:
            after = begin + offset + frame.num_bytes
            following = parse(content.at(after, 4))
            if after == content.size or (following and following.kind == frame.kind):
                return begin + offset
        offset = block.find(b"\xff", offset + 1)
    return None


def streams_of_mpeg(content: Bytes, first: int) -> list[Mpeg]:
    """The streams from `first` on: several where each begins with a Xing frame.

    Raises:
        BadAudio: a frame is missing or not whole, or the stream changes.
    """
    start = parse(content.at(first, 4))
    assert start is not None
    streams = [_Stream(start, content.at(first, 4))]
    position, num_frames = first, 0
    while position < content.size:
        frame = parse(content.at(position, 4))
        if frame is None or frame.kind != start.kind:
            after = after_tags(content, position)
            if after > position:
                position = after
                continue
            if is_blank(content, position):
                break
            raise BadAudio(_fault(content, position, num_frames, start))
        if position + frame.num_bytes > content.size:
            raise BadAudio(
                f"truncated: its last frame, at {_time(num_frames, start)}, is not whole"
            )
        info, num_announced = _xing(content, position, frame)
        if info and position > first:
            streams.append(_Stream(start, content.at(first, 4)))
        streams[-1].add(position, frame.num_bytes, info, num_announced)
        num_frames += not info
        position += frame.num_bytes
    return [stream.finish() for stream in streams if stream.num_frames]


class _Stream:
    """The frames of one stream, as they are found."""

    def __init__(self, start: Frame, header: bytes) -> None:
        self.start, self.header = start, header
        self.num_frames = 0
        self.num_announced: int | None = None
        self.info: range | None = None
        self.runs: list[range] = []

    def add(self, position: int, num_bytes: int, info: bool, num_announced: int | None) -> None:
        here = range(position, position + num_bytes)
        if info:
            self.info, self.num_announced = here, num_announced
            return
        self.num_frames += 1
        if self.runs and self.runs[-1].stop == position:
            here = range(self.runs.pop().start, here.stop)
        self.runs.append(here)

    def finish(self) -> Mpeg:
        num_samples = self.num_frames * self.start.num_samples
        if self.num_announced is not None and self.num_announced > self.num_frames:
            raise BadAudio(
                f"truncated: {_time(self.num_frames, self.start)} are there, "
                f"{_time(self.num_announced, self.start)} are announced"
            )
        if self.info is not None and self.num_announced == self.num_frames:
            return Mpeg([self.info, *self.runs], None, num_samples, MAX_GAPLESS)
        if self.start.kind[1] != 3:
            return Mpeg([*self.runs], None, num_samples, 0)
        xing = _xing_frame(self.header, self.num_frames)
        return Mpeg([*self.runs], [xing, *self.runs], num_samples, DECODER_DELAY)


def _xing(content: Bytes, position: int, frame: Frame) -> tuple[bool, int | None]:
    """Whether a frame holds no sound but a table, and how many frames that announces."""
    if frame.kind[1] != 3:
        return False, None
    tag = content.at(position + 4 + frame.side_bytes, 12)
    if tag[:4] in (b"Xing", b"Info"):
        flags, number = struct.unpack(">2I", tag[4:].ljust(8, b"\0"))
        return True, number if flags & 1 else None
    return content.at(position + 36, 4) == b"VBRI", None


def _xing_frame(header: bytes, num_frames: int) -> bytes:
    """A frame that says how many follow; of a bit rate that gives it room."""
    header = bytes([header[0], header[1] | 1, header[2] & 0x0F | 0x90, header[3]])
    frame = parse(header)
    assert frame is not None
    content = header + bytes(frame.side_bytes) + b"Xing" + struct.pack(">2I", 1, num_frames)
    return content.ljust(frame.num_bytes, b"\0")


def _time(num_frames: int, frame: Frame) -> str:
    return f"{num_frames * frame.num_samples / frame.kind[2]:.2f} s"


def _fault(content: Bytes, position: int, num_frames: int, start: Frame) -> str:
    time = _time(num_frames, start)
    if parse(content.at(position, 4)) is not None:
        return f"at {time} begins a stream of another kind: files that were joined"
    return f"damaged: no frame where one must be, at {time} (byte {position})"
