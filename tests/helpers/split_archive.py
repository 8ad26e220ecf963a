"""A zip archive cut into parts as Info-ZIP's `zip -s` does it, where there is no such program."""

import io
import struct
import zipfile
from pathlib import Path

ENTRY, END = struct.Struct("<4s6H3L5H2L"), struct.Struct("<4s4H2LH")
MARKER = b"PK\7\x08"  # at the start of the first part


def zipped(folder: Path, files: list[Path]) -> bytes:
    """An archive of one file; names are relative to `folder`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(folder).as_posix())
    return content.getvalue()


def split(archive: bytes, part_bytes: int) -> list[bytes]:
    """Parts of `part_bytes` each, but the last one; entries tell the part that they begin in."""
    end = list(END.unpack(archive[-END.size :]))
    num_members, list_bytes, list_start = end[4], end[5], end[6]
    position, entries = list_start, b""
    for _ in range(num_members):
        entry = list(ENTRY.unpack_from(archive, position))
        entry[13], entry[16] = divmod(len(MARKER) + entry[16], part_bytes)
        rest = ENTRY.size + sum(entry[10:13])
        entries += ENTRY.pack(*entry) + archive[position + ENTRY.size : position + rest]
        position += rest
    first, offset = divmod(len(MARKER) + list_start, part_bytes)
    last = (len(MARKER) + list_start + list_bytes) // part_bytes
    end[1:3], end[6] = [last, first], offset
    content = MARKER + archive[:list_start] + entries
    parts = [content[start : start + part_bytes] for start in range(0, len(content), part_bytes)]
    if len(parts) == last:
        parts.append(b"")
    parts[-1] += END.pack(*end)
    return parts


def write_parts(path: Path, archive: bytes, part_bytes: int) -> list[Path]:
    """path: name.zip, the last part."""
    parts = split(archive, part_bytes)
    paths = [path.with_suffix(f".z{number:02d}") for number in range(1, len(parts))] + [path]
    for part_path, part in zip(paths, parts, strict=True):
        part_path.write_bytes(part)
    return paths
