"""Readers of the containers that games keep their sounds in: zip, Qt resources, OpenTTD sets, and
SoundFonts.

Each takes the container's bytes and a predicate on member names, and yields (name, content) of the
wanted members.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

from .soundfonts import read_soundfont
from .unpacking_limits import (
    DAMAGE,
    MAX_MEMBER_BYTES,
    MAX_MEMBERS,
    MAX_PATH_CHARACTERS,
    Allowance,
    reason,
    shown,
)

Members = Iterator[tuple[str, bytes]]

COMPRESSED_ZLIB, FOLDER, COMPRESSED_ZSTD = 1, 2, 4  # flags of a node of a Qt resource file
ENCRYPTED = 1  # flag of a member of a zip file
ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
ZIP_ENTRY = b"PK\1\2"  # of the list at the end
MAX_SOUNDS = 10_000  # of a sound set; OpenSFX has 73


def is_container(path: str) -> bool:
    return path.rpartition(".")[2] in READERS


def read_container(
    path: str,
    content: bytes,
    wanted: Callable[[str], bool],
    allowance: Allowance | None = None,
) -> Members:
    """(`path!/member`, content) of the wanted members; nothing where the name is no container's.

    Raises:
        ValueError: for a container that is damaged, in a format that is not known here, or that
            unpacks to far more than sounds.
    """
    reader = READERS.get(path.rpartition(".")[2])
    if reader is None:
        return
    allowance = allowance or Allowance()
    try:
        for name, member in reader(content, lambda name: wanted(f"{path}!/{name}"), allowance):
            yield f"{path}!/{name}", member
    except DAMAGE as error:
        raise ValueError(f"{shown(path)}: damaged ({reason(error)})") from None
    except ValueError as error:
        raise ValueError(f"{shown(path)}: {error}") from None


def read_zip(content: bytes, wanted: Callable[[str], bool], allowance: Allowance) -> Members:
    if content.count(ZIP_ENTRY) > MAX_MEMBERS:  # zipfile reads the whole list at once
        raise ValueError(f"more than {MAX_MEMBERS} members")
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            allowance.take_member()
            if info.is_dir() or not wanted(info.filename):
                continue
            if info.flag_bits & ENCRYPTED:
                raise ValueError(f"{shown(info.filename)} is encrypted")
            if info.compress_type not in ZIP_METHODS:
                method = info.compress_type
                raise ValueError(f"{shown(info.filename)} is compressed by method {method}")
            allowance.take(info.file_size, info.filename)
            try:
                member = archive.read(info)  # no more than it states
            except DAMAGE as error:
                raise ValueError(f"{shown(info.filename)} is damaged ({reason(error)})") from None
            yield info.filename, member


def read_qt_resource(
    content: bytes, wanted: Callable[[str], bool], allowance: Allowance
) -> Members:
    """Qt's binary resource file (`rcc --binary`), versions 1 to 3; all numbers big-endian.

    Layout as Qt's QResourceRoot reads it: a tree of fixed-size nodes, of which node 0 is the root,
    pointing into a table of names and into the data. From version 2 on a node ends with a
    modification time; from version 3 on the header has one more word (all flags or-ed).
    """
    magic, version, tree, data, names = struct.unpack_from(">4s4I", content)
    if magic != b"qres" or version not in (1, 2, 3):
        raise ValueError(f"not a Qt resource file of version 1 to 3 ({magic!r}, {version})")
    node_bytes = 14 if version == 1 else 22

    def node_name(position: int) -> str:
        (length,) = struct.unpack_from(">H", content, names + position)
        start = names + position + 6  # after the length and a hash
        return content[start : start + 2 * length].decode("utf-16-be")

    seen: set[int] = set()
    waiting = [(0, "")]
    while waiting:
        index, folder = waiting.pop()
        if index in seen:
            raise ValueError("damaged (a folder in itself, or a file in two folders)")
        seen.add(index)
        allowance.take_member()
        position = tree + index * node_bytes
        name_position, flags = struct.unpack_from(">IH", content, position)
        path = folder
        if index > 0:
            path = f"{folder}/{node_name(name_position)}" if folder else node_name(name_position)
        if len(path) > MAX_PATH_CHARACTERS:
            raise ValueError(f"{shown(path)} has {len(path)} characters")
        if flags & FOLDER:
            num_children, first_child = struct.unpack_from(">II", content, position + 6)
            if num_children > allowance.num_members:
                raise ValueError(f"damaged (a folder of {num_children} files)")
            children = range(first_child, first_child + num_children)
            waiting += [(child, path) for child in reversed(children)]
        elif wanted(path):
            (data_position,) = struct.unpack_from(">I", content, position + 10)
            (length,) = struct.unpack_from(">I", content, data + data_position)
            start = data + data_position + 4
            if start + length > len(content):
                raise ValueError(f"damaged ({shown(path)} ends too early)")
            yield path, unpack(content[start : start + length], flags, path, allowance)


def unpack(payload: bytes, flags: int, path: str, allowance: Allowance) -> bytes:
    """The content of a file in a Qt resource file."""
    if flags & COMPRESSED_ZSTD:
        raise ValueError(f"{shown(path)} is compressed with zstd, which is not read here")
    if not flags & COMPRESSED_ZLIB:
        allowance.take(len(payload), path)
        return payload
    (num_bytes,) = struct.unpack_from(">I", payload)
    allowance.take(num_bytes, path)
    unpacker = zlib.decompressobj()
    content = unpacker.decompress(payload[4:], min(num_bytes, MAX_MEMBER_BYTES) + 1)
    if len(content) != num_bytes:
        raise ValueError(f"damaged ({shown(path)} is not {num_bytes} bytes long)")
    return content


def read_sound_set(content: bytes, wanted: Callable[[str], bool], allowance: Allowance) -> Members:
    """OpenTTD's sound set (.cat): little-endian pairs (offset, size), then the entries.

    The first offset tells how many pairs there are; its bit 31 marks the newer format. An entry is
    a Pascal string (its title) and a RIFF file. A member's name is its number, counted from 0.
    """
    first_offset = struct.unpack_from("<I", content)[0] & 0x7FFFFFFF
    if first_offset > len(content) or first_offset // 8 > MAX_SOUNDS:
        raise ValueError(f"damaged (its first entry is at {first_offset})")
    for number in range(first_offset // 8):
        if not wanted(str(number)):
            continue
        allowance.take_member()
        offset = struct.unpack_from("<I", content, 8 * number)[0] & 0x7FFFFFFF
        start = offset + 1 + content[offset]
        magic, length = struct.unpack_from("<4sI", content, start)
        if magic != b"RIFF" or start + 8 + length > len(content):
            raise ValueError(f"entry {number} holds no whole RIFF file")
        allowance.take(8 + length, str(number))
        yield str(number), content[start : start + 8 + length]


READERS = {
    **{"pk3": read_zip, "zip": read_zip, "rcc": read_qt_resource, "cat": read_sound_set},
    **{"sf2": read_soundfont, "sf3": read_soundfont},
}
