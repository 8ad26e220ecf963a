"""FLAC: how many samples the header announces, which is 0 where the writer did not know."""

from collections.abc import Iterator
from typing import NamedTuple

from uss.audio_files.tags import after_tags
from uss.audio_files.view import PEEK_BYTES, BadAudio, Bytes, Piece

STREAM_INFO_BYTES = 34
STARTS = [b"fLaC" + bytes([last, 0, 0, STREAM_INFO_BYTES]) for last in (0, 0x80)]


class Flac(NamedTuple):
    """A stream.

    Attributes:
        pieces: of the file.
        uncounted: the same without a number of samples, which is decoded to its end.
        num_samples: that are announced; None where none are.
    """

    pieces: list[Piece]
    uncounted: list[Piece]
    num_samples: int | None


def streams_of_flac(content: Bytes) -> list[Flac]:
    """The streams that follow each other. Raises BadAudio where a header is not whole."""
    starts = [after_tags(content, 0), *_next_starts(content)]
    end = content.size
    if content.at(end - 128, 3) == b"TAG":
        end -= 128
    stops = [*starts[1:], end]
    return [_stream(content, range(*ends)) for ends in zip(starts, stops, strict=True)]


def _next_starts(content: Bytes) -> Iterator[int]:
    first = after_tags(content, 0)
    position = first + 1
    while block := content.at(position, PEEK_BYTES):
        offset = min((o for o in map(block.find, STARTS) if o >= 0), default=None)
        if offset is not None:
            yield position + offset
            position += offset + 1
        elif len(block) < PEEK_BYTES:
            return
        else:
            position += PEEK_BYTES - len(STARTS[0])


def _stream(content: Bytes, place: range) -> Flac:
    start, stop = place.start, place.stop
    info = content.at(start + 4, 4 + STREAM_INFO_BYTES)
    if len(info) < 4 + STREAM_INFO_BYTES or info[0] & 0x7F != 0:
        raise BadAudio("not audio (a FLAC file without its header)")
    position = start + 8 + 13  # 4 bits, and 4 bytes
    field = content.at(position, 5)
    num_samples = int.from_bytes(field, "big") & (2**36 - 1)
    zero = bytes([field[0] & 0xF0, 0, 0, 0, 0])
    uncounted: list[Piece] = [range(start, position), zero, range(position + 5, stop)]
    return Flac([place], uncounted, num_samples or None)
