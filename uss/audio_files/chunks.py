"""WAV, RF64, AIFF, CAF, Wave64 and AU: what the header says of the samples' length, and what is
there.

libsndfile takes what is there where the header says more, and what the header says where more is
there: either way audio is lost without a word. A program that writes into a pipe cannot know the
length: it writes 0, or the largest number there is.
"""

import struct
from typing import NamedTuple

from uss.audio_files.tags import after_tags, is_blank
from uss.audio_files.view import BadAudio, Bytes, Piece, replaced

MAX_CHUNKS = 10_000
SLACK_BYTES = 64  # some programs count the header in; nothing is lost by it
W64_TAIL = bytes.fromhex("f3acd3118cd100c04f8edb8a")  # of its GUIDs, but for the first one


class Layout(NamedTuple):
    """Of a file that is a list of chunks.

    start: of the first chunk; header: name and size of a chunk; data: name of the one that holds
    the samples; counted: bytes of the header that the size counts in.
    """

    start: int
    header: struct.Struct
    data: bytes
    alignment: int
    counted: int = 0


LITTLE, BIG = struct.Struct("<4sI"), struct.Struct(">4sI")
LAYOUTS = {
    b"RIFF": Layout(12, LITTLE, b"data", 2),
    b"RIFX": Layout(12, BIG, b"data", 2),
    b"RF64": Layout(12, LITTLE, b"data", 2),
    b"FORM": Layout(12, BIG, b"SSND", 2),
    b"caff": Layout(8, struct.Struct(">4sq"), b"data", 1),
    b"riff": Layout(40, struct.Struct("<16sq"), b"data" + W64_TAIL, 8, 24),
}


def samples_of_chunks(content: Bytes, magic: bytes) -> list[Piece]:
    """The file, its length put right where the header leaves it open.

    Raises:
        BadAudio: samples are missing, or there are more than the header says.
    """
    layout = LAYOUTS[magic]
    position, length, size_field = _find(content, layout, magic == b"RF64")
    first = position + layout.header.size
    there = content.size - first
    if not _is_open(length, layout) and length > there + SLACK_BYTES:
        raise BadAudio(
            f"truncated: its header announces {length} bytes of samples, {there} are there"
        )
    follows = 0
    if not _is_open(length, layout):
        follows = _unknown_bytes(content, min(first + length, content.size), layout)
    if _is_open(length, layout) or (length == 0 and follows):
        true_size = struct.pack(size_field[1], there + layout.counted)
        return replaced(content.size, size_field[0], true_size)
    if follows:
        raise BadAudio(
            f"its header announces {length} bytes of samples, and {follows} more bytes follow: "
            "files that were joined, or a header that is wrong"
        )
    return [range(content.size)]


def samples_of_au(content: Bytes) -> list[Piece]:
    """As `samples_of_chunks`."""
    order = ">" if content.at(0, 4) == b".snd" else "<"
    first, length = struct.unpack(order + "2I", content.at(4, 8).ljust(8, b"\0"))
    there = content.size - first
    if length in (0, 0xFFFFFFFF):
        return replaced(content.size, 8, b"\xff\xff\xff\xff")
    if length > there + SLACK_BYTES:
        raise BadAudio(
            f"truncated: its header announces {length} bytes of samples, {max(there, 0)} are there"
        )
    if length < there - SLACK_BYTES and not is_blank(content, first + length):
        raise BadAudio(
            f"its header announces {length} bytes of samples, and {there - length} more bytes "
            "follow: files that were joined, or a header that is wrong"
        )
    return [range(content.size)]


def _find(content: Bytes, layout: Layout, is_rf64: bool) -> tuple[int, int, tuple[int, str]]:
    """Position of the chunk of samples, its size, and where and how the size is written."""
    position, long_size = layout.start, None
    for _ in range(MAX_CHUNKS):
        header = content.at(position, layout.header.size)
        if len(header) < layout.header.size:
            break
        name, length = layout.header.unpack(header)
        if name == layout.data:
            if is_rf64 and length == 0xFFFFFFFF and long_size is not None:
                (length,) = struct.unpack("<Q", content.at(long_size, 8))
                return position, length, (long_size, "<Q")
            number = "<q" if layout.counted else layout.header.format.replace("4s", "")
            offset = layout.header.size - struct.calcsize(number)
            return position, length - layout.counted, (position + offset, number)
        if is_rf64 and name == b"ds64":
            long_size = position + 16
        if length < layout.counted:
            break
        position += layout.header.size + length - layout.counted
        position += -position % layout.alignment
    raise BadAudio("not audio (no samples in its list of chunks)")


def _is_open(length: int, layout: Layout) -> bool:
    """Whether a size stands for one that was not known."""
    if layout.header.size > 8:
        return length < 0 or length >= 2**63 - 2**12
    return 0x7FFFF000 <= length <= 0x80000000 or length >= 0xFFFFF000


def _unknown_bytes(content: Bytes, position: int, layout: Layout) -> int:
    """How many bytes behind the samples are no chunks, no tags and no padding."""
    for padded in (position + -position % layout.alignment, position):
        rest = padded
        for _ in range(MAX_CHUNKS):
            header = content.at(rest, layout.header.size)
            if len(header) < layout.header.size:
                return 0
            name, length = layout.header.unpack(header)
            printable = all(0x20 <= byte < 0x7F for byte in name[:4])
            known = name[:4] not in LAYOUTS and (printable or name[4:] == W64_TAIL)
            after = rest + layout.header.size + length - layout.counted
            if not known or length < layout.counted or after > content.size + 1:
                break
            rest = after + -after % layout.alignment
        if is_blank(content, rest) or after_tags(content, rest) == content.size:
            return 0
    return content.size - position
