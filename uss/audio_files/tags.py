"""Tags that stand before and behind the audio of MP3, AAC and FLAC files."""

from uss.audio_files.view import Bytes


def after_tags(content: Bytes, position: int) -> int:
    """Where the tags at `position` end; `position` where there are none."""
    while True:
        head = content.at(position, 32)
        if head.startswith(b"ID3") and len(head) >= 10 and max(head[6:10]) < 0x80:
            length = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
            position += 10 + length + (10 if head[5] & 0x10 else 0)
        elif head.startswith(b"APETAGEX") and len(head) == 32:
            of_header = bool(head[23] & 0x20)  # the size leaves the header out, and counts a footer
            position += int.from_bytes(head[12:16], "little") + 32 * of_header
            if not of_header:
                return content.size
        elif head.startswith(b"LYRICSBEGIN") or (
            head.startswith(b"TAG") and position == content.size - 128
        ):
            return content.size
        else:
            return min(position, content.size)


def is_blank(content: Bytes, position: int) -> bool:
    """Whether nothing but zeros follows."""
    while block := content.at(position, 2**16):
        if block.strip(b"\0"):
            return False
        position += len(block)
    return True
