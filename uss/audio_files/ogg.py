"""Ogg (Vorbis, Opus, FLAC), page by page: libsndfile reads the first of several joined streams,
and the whole pages of a truncated one."""

import zlib

from uss.audio_files.tags import after_tags, is_blank
from uss.audio_files.view import BadAudio, Bytes

HEADER_BYTES = 27
BEGIN = 2  # flag of the first page of a stream
REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def streams_of_ogg(content: Bytes) -> list[range]:
    """The streams that follow each other, as broadcasts have them.

    Raises:
        BadAudio: a page that is not whole, which libsndfile would skip.
    """
    position, start, has_content = 0, 0, False
    streams: list[range] = []
    while position < content.size:
        header = content.at(position, HEADER_BYTES)
        if header[:4] != b"OggS":
            if is_blank(content, position) or after_tags(content, position) == content.size:
                break
            raise BadAudio(f"damaged: no Ogg page where one must be (byte {position})")
        lacing = content.at(position + HEADER_BYTES, header[26]) if len(header) == 27 else b""
        after = position + HEADER_BYTES + len(lacing) + sum(lacing)
        if len(header) < HEADER_BYTES or len(lacing) < header[26] or after > content.size:
            raise BadAudio(f"truncated: its last page, at byte {position}, is not whole")
        if checksum(content.at(position, after - position)) != header[22:26]:
            raise BadAudio(f"damaged: an Ogg page whose checksum is wrong (byte {position})")
        begins = bool(header[5] & BEGIN)
        if begins and has_content:
            streams.append(range(start, position))
            start, has_content = position, False
        has_content = has_content or not begins
        position = after
    return [*streams, range(start, position)]


def checksum(page: bytes) -> bytes:
    """Ogg's CRC-32: zlib's, with the bits of each byte, and of the result, the other way round."""
    content = (page[:22] + bytes(4) + page[26:]).translate(REVERSED)
    crc = zlib.crc32(content, 0xFFFFFFFF) ^ 0xFFFFFFFF
    return crc.to_bytes(4, "big").translate(REVERSED)
