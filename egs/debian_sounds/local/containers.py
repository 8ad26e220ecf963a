"""Readers of the containers that games keep their sounds in: zip, Qt resources, OpenTTD sets.

Each takes the container's bytes and a predicate on member names, and yields (name, content) of the
wanted members.
"""

import io
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator

Members = Iterator[tuple[str, bytes]]

COMPRESSED_ZLIB, FOLDER, COMPRESSED_ZSTD = 1, 2, 4  # flags of a node of a Qt resource file


def read_container(path: str, content: bytes, wanted: Callable[[str], bool]) -> Members:
    """(`path!/member`, content) of the wanted members; nothing where the name is no container's.

    Raises:
        ValueError: for a container that is damaged or in a format that is not known here.
    """
    reader = READERS.get(path.rpartition(".")[2])
    if reader is None:
        return
    try:
        for name, member in reader(content, lambda name: wanted(f"{path}!/{name}")):
            yield f"{path}!/{name}", member
    except (struct.error, zipfile.BadZipFile, zlib.error, IndexError) as error:
        raise ValueError(f"{path}: damaged ({error})") from None
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from None


def read_zip(content: bytes, wanted: Callable[[str], bool]) -> Members:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for info in archive.infolist():
            if not info.is_dir() and wanted(info.filename):
                yield info.filename, archive.read(info)


def read_qt_resource(content: bytes, wanted: Callable[[str], bool]) -> Members:
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

    def walk(index: int, path: str) -> Members:
        position = tree + index * node_bytes
        name_position, flags = struct.unpack_from(">IH", content, position)
        if index > 0:
            path = f"{path}/{node_name(name_position)}" if path else node_name(name_position)
        if flags & FOLDER:
            num_children, first_child = struct.unpack_from(">II", content, position + 6)
            for child in range(first_child, first_child + num_children):
                yield from walk(child, path)
        elif wanted(path):
            (data_position,) = struct.unpack_from(">I", content, position + 10)
            (length,) = struct.unpack_from(">I", content, data + data_position)
            start = data + data_position + 4
            if start + length > len(content):
                raise struct.error(f"{path} ends too early")
            yield path, unpack(content[start : start + length], flags, path)

    def unpack(payload: bytes, flags: int, path: str) -> bytes:
        if flags & COMPRESSED_ZSTD:
            raise ValueError(f"{path} is compressed with zstd, which is not read here")
        return zlib.decompress(payload[4:]) if flags & COMPRESSED_ZLIB else payload

    yield from walk(0, "")


def read_sound_set(content: bytes, wanted: Callable[[str], bool]) -> Members:
    """OpenTTD's sound set (.cat): little-endian pairs (offset, size), then the entries.

    The first offset tells how many pairs there are; its bit 31 marks the newer format. An entry is
    a Pascal string (its title) and a RIFF file. A member's name is its number, counted from 0.
    """
    first_offset = struct.unpack_from("<I", content)[0] & 0x7FFFFFFF
    for number in range(first_offset // 8):
        if not wanted(str(number)):
            continue
        offset = struct.unpack_from("<I", content, 8 * number)[0] & 0x7FFFFFFF
        start = offset + 1 + content[offset]
        magic, length = struct.unpack_from("<4sI", content, start)
        if magic != b"RIFF" or start + 8 + length > len(content):
            raise ValueError(f"entry {number} holds no whole RIFF file")
        yield str(number), content[start : start + 8 + length]


READERS = {"pk3": read_zip, "zip": read_zip, "rcc": read_qt_resource, "cat": read_sound_set}
