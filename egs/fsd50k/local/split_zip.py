"""Zip archives of one file or several (`zip -s`: name.z01, name.z02, ..., name.zip), read in place.

Python's zipfile refuses those of several files. They are one archive that was cut: the last file
ends with the list of members, and an entry says in which file its member begins, and where. Members
are stored or deflated; numbers may be zip64's. After PKWARE's APPNOTE 6.3.10, 4.3 and 8.
"""

import struct
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

END = struct.Struct("<4s4H2LH")  # of the archive: its last record, before a comment
LOCATOR = struct.Struct("<4sLQL")  # of the longer record, directly before END
LONG_END = struct.Struct("<4sQ2H2L4Q")
ENTRY = struct.Struct("<4s6H3L5H2L")  # of the list of members; then name, extra fields, comment
HEADER = struct.Struct("<4s5H3L2H")  # before a member's content; then name, extra fields
MAX_COMMENT_BYTES = 0xFFFF
LARGE, LARGE_PART = 0xFFFFFFFF, 0xFFFF  # the number stands in the extra field of zip64
ZIP64 = 1
STORED, DEFLATED = 0, 8
ENCRYPTED = 1  # a flag
CHUNK_BYTES = 1 << 16


class Member(NamedTuple):
    """position: of its header, in all parts together."""

    name: str
    num_bytes: int
    num_packed_bytes: int
    crc: int
    method: int
    flags: int
    position: int


class End(NamedTuple):
    """part, offset: where the list of members begins."""

    num_parts: int
    part: int
    num_members: int
    offset: int


class SplitZip:
    """An archive whose parts lie in one folder.

    Args:
        path: the last part, name.zip, or an archive of one file.

    Attributes:
        members: in the order of the archive's list.

    Raises:
        ValueError: a part is missing, or the archive is damaged; it names the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.is_file():
            raise ValueError(f"{path} is missing: put it there, with the parts beside it")
        end = self._read_end()
        numbers = range(1, end.num_parts)
        self.parts = [*(path.with_suffix(f".z{number:02d}") for number in numbers), path]
        missing = [part.name for part in self.parts if not part.is_file()]
        if missing:
            raise ValueError(
                f"{path.parent} lacks {len(missing)} of {end.num_parts} parts of {path.stem}: "
                f"{', '.join(missing)}; put them beside {path.name}"
            )
        self.sizes = [part.stat().st_size for part in self.parts]
        self.members = list(self._read_members(end))

    def chunks(self, member: Member) -> Iterator[bytes]:
        """A member's content. Raises ValueError where it is not what the list says."""
        magic, *_, name_bytes, extra_bytes = HEADER.unpack(self._read(member.position, HEADER.size))
        if magic != b"PK\3\4":
            raise self._damaged(f"{member.name} does not begin where the list says")
        if member.flags & ENCRYPTED or member.method not in (STORED, DEFLATED):
            raise self._damaged(f"{member.name} is encrypted, or compressed in an unknown way")
        unpacker = zlib.decompressobj(-zlib.MAX_WBITS)
        crc = num_bytes = 0
        start = member.position + HEADER.size + name_bytes + extra_bytes
        end = start + member.num_packed_bytes
        for position in range(start, end, CHUNK_BYTES):
            chunk = self._read(position, min(CHUNK_BYTES, end - position))
            if member.method == DEFLATED:
                try:
                    chunk = unpacker.decompress(chunk)
                except zlib.error as error:
                    raise self._damaged(f"{member.name}: {error}") from None
            crc, num_bytes = zlib.crc32(chunk, crc), num_bytes + len(chunk)
            if num_bytes > member.num_bytes:
                break  # more than the list says
            yield chunk
        if (crc, num_bytes) != (member.crc, member.num_bytes):
            raise self._damaged(f"{member.name} is not what the list says (CRC-32)")

    def _read(self, position: int, num_bytes: int) -> bytes:
        """Bytes of all parts together; they may lie in several."""
        content = b""
        for part, size in zip(self.parts, self.sizes, strict=True):
            if position < size and len(content) < num_bytes:
                with open(part, "rb") as file:
                    file.seek(position)
                    content += file.read(num_bytes - len(content))
                position = size  # it goes on with the next part
            position -= size
        if len(content) < num_bytes:
            raise self._damaged("it ends too early")
        return content

    def _read_end(self) -> End:
        with open(self.path, "rb") as file:
            size = file.seek(0, 2)
            file.seek(max(0, size - END.size - LOCATOR.size - MAX_COMMENT_BYTES))
            tail = file.read()
            at = tail.rfind(b"PK\5\6")
            if at < 0 or len(tail) < at + END.size:
                raise self._damaged("there is no list of members at its end")
            _, last, first, _, num_members, _, offset, _ = END.unpack_from(tail, at)
            before = at - LOCATOR.size
            if before >= 0 and tail.startswith(b"PK\6\7", before):
                _, _, position, _ = LOCATOR.unpack_from(tail, before)
                file.seek(position)
                record = file.read(LONG_END.size)
                if len(record) < LONG_END.size or not record.startswith(b"PK\6\6"):
                    raise self._damaged("its list of members does not lie where it says")
                *_, last, first, _, num_members, _, offset = LONG_END.unpack(record)
        return End(last + 1, first, num_members, offset)

    def _read_members(self, end: End) -> Iterator[Member]:
        start = self._position(end.part, end.offset)
        entries = self._read(start, max(0, sum(self.sizes) - start))
        at = 0
        for _ in range(end.num_members):
            if len(entries) < at + ENTRY.size or not entries.startswith(b"PK\1\2", at):
                raise self._damaged("its list of members is broken")
            *fields, name_bytes, extra_bytes, comment_bytes, part, _, _, offset = ENTRY.unpack_from(
                entries, at
            )
            _, _, _, flags, method, _, _, crc, packed, size = fields
            at += ENTRY.size
            name = entries[at : at + name_bytes].decode(errors="backslashreplace")
            at += name_bytes
            extra = entries[at : at + extra_bytes]
            at += extra_bytes + comment_bytes
            size, packed, offset, part = self._large(size, packed, offset, part, extra)
            yield Member(name, size, packed, crc, method, flags, self._position(part, offset))

    def _large(self, size: int, packed: int, offset: int, part: int, extra: bytes) -> list[int]:
        """The four numbers, with those that stand in zip64's extra field, in this order."""
        long = zip64_field(extra)
        numbers = []
        for number, largest, layout in (
            *((number, LARGE, "<Q") for number in (size, packed, offset)),
            (part, LARGE_PART, "<L"),
        ):
            if number == largest:
                num_bytes = struct.calcsize(layout)
                if len(long) < num_bytes:
                    raise self._damaged("its list of members is broken")
                (number,) = struct.unpack_from(layout, long)
                long = long[num_bytes:]
            numbers.append(number)
        return numbers

    def _position(self, part: int, offset: int) -> int:
        if part >= len(self.sizes):
            raise self._damaged("its list names a part that it does not have")
        return sum(self.sizes[:part]) + offset

    def _damaged(self, reason: str) -> ValueError:
        parts = " and its parts" if self.path.with_suffix(".z01").exists() else ""
        return ValueError(f"{self.path}{parts}: damaged ({reason}); get it again")


def zip64_field(extra: bytes) -> bytes:
    """Of a member's extra fields; empty where it has none."""
    while len(extra) >= 4:
        kind, num_bytes = struct.unpack_from("<2H", extra)
        if kind == ZIP64:
            return extra[4 : 4 + num_bytes]
        extra = extra[4 + num_bytes :]
    return b""
