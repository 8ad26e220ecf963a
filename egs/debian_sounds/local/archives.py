"""The files inside a package, read in one pass without unpacking or installing it.

A .deb is an `ar` archive whose member `data.tar.*` holds the files; a .whl is a zip file. Python
reads both by itself, so this works where there is no dpkg; only zstd (packages of Ubuntu) needs
the command of that name.
"""

import gzip
import io
import lzma
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Protocol, cast

from .containers import read_zip
from .unpacking_limits import (
    DAMAGE,
    MAX_TOTAL_BYTES,
    MIB,
    Allowance,
    reason,
    shown,
)

AR_MAGIC = b"!<arch>\n"
AR_HEADER_BYTES = 60
AR_HEADER_END = b"`\n"
XZ_MEMORY_BYTES = 256 * MIB  # xz -9 needs 65
MAX_HEADER_BYTES = 8192  # of a long name or an extended header; 4096 is the longest path
EXTENDED_HEADERS = (
    *(tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK),
    *(tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE),
)
CHUNK_BYTES = MIB


class Readable(Protocol):
    def read(self, num_bytes: int, /) -> bytes: ...


def everything(path: str) -> bool:
    return True


def files(
    package: Path,
    wanted: Callable[[str], bool] = everything,
    allowance: Allowance | None = None,
) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) for every wanted regular file; paths have no leading `./`.

    Raises:
        ValueError: a package that is damaged or in a format that cannot be read here, or that
            unpacks to far more than a package of sounds.
    """
    allowance = allowance or Allowance()
    try:
        if package.stat().st_size > MAX_TOTAL_BYTES:
            raise ValueError(f"larger than {MAX_TOTAL_BYTES // MIB} MiB: not a package of sounds")
        if package.suffix == ".whl":
            yield from read_zip(package.read_bytes(), wanted, allowance)
        else:
            yield from _deb_files(package, wanted, allowance)
    except DAMAGE as error:
        why = reason(error)
        raise ValueError(f"{package}: damaged ({why}); replace it with a good copy") from None
    except ValueError as error:
        raise ValueError(f"{package}: {error}") from None


class TarMember(tarfile.TarInfo):
    """Refuses what would be read without end, or whole into memory."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> "TarMember":
        member = super().frombuf(buf, encoding, errors)
        is_extended = member.type in EXTENDED_HEADERS
        if member.size < 0 or (is_extended and member.size > MAX_HEADER_BYTES):
            raise tarfile.TarError(f"a header that states {member.size} bytes")
        return member


def _deb_files(
    package: Path, wanted: Callable[[str], bool], allowance: Allowance
) -> Iterator[tuple[str, bytes]]:
    with open(package, "rb") as deb:
        members = _ar_members(deb)
        name, member = next((m for m in members if m[0].startswith("data.tar")), ("", b""))
    if not name:
        raise ValueError("not a Debian package (no data.tar in it)")
    with (
        _decompressed(name, member) as stream,
        tarfile.open(
            fileobj=cast(IO[bytes], Bounded(stream)),  # of which a stream of tar only reads
            mode="r|",
            bufsize=MIB,
            tarinfo=TarMember,
        ) as archive,
    ):
        for info in archive:
            allowance.take_member()
            path = info.name.removeprefix("./")
            file = archive.extractfile(info) if info.isfile() and wanted(path) else None
            if file is not None:
                allowance.take(info.size, path)
                content = file.read()
                if len(content) < info.size:
                    raise EOFError(f"{shown(path)} ends too early")
                yield path, content
        # To the end: only so is the checksum there seen, and a header that ends the list early.
        assert archive.fileobj is not None
        while rest := archive.fileobj.read(CHUNK_BYTES):
            if rest.strip(b"\0"):
                raise tarfile.TarError("a broken header")


class Bounded(io.BufferedIOBase):
    """A stream that ends with an error where a bomb goes on."""

    def __init__(self, stream: Readable) -> None:
        self.stream = stream
        self.num_bytes = 0

    def read(self, num_bytes: int | None = -1, /) -> bytes:
        content = self.stream.read(-1 if num_bytes is None else num_bytes)
        self.num_bytes += len(content)
        if self.num_bytes > MAX_TOTAL_BYTES:
            raise ValueError(f"unpacks to more than {MAX_TOTAL_BYTES // MIB} MiB")
        return content


@contextmanager
def _decompressed(name: str, member: bytes) -> Iterator[Readable]:
    match name.removeprefix("data.tar"):
        case "":
            yield io.BytesIO(member)
        case ".xz":
            yield XzStream(member)
        case ".gz":
            yield gzip.GzipFile(fileobj=io.BytesIO(member))
        case ".zst":
            with _zstd(member) as stream:
                yield stream
        case _:
            raise ValueError(f"{shown(name)} is compressed in a way that is not known here")


class XzStream:
    """As lzma.LZMAFile, which cannot be told how much memory a file may ask for."""

    def __init__(self, member: bytes) -> None:
        self.waiting = member
        self._begin()

    def _begin(self) -> None:
        self.decompressor = lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)

    def read(self, num_bytes: int) -> bytes:
        content = b""
        while len(content) < num_bytes:
            if self.decompressor.eof:
                self.waiting = self.decompressor.unused_data.lstrip(b"\0")
                if not self.waiting:
                    break
                self._begin()
            waiting, self.waiting = self.waiting, b""
            if not waiting and self.decompressor.needs_input:
                raise EOFError("the compressed data end too early")
            content += self.decompressor.decompress(waiting, num_bytes - len(content))
        return content


@contextmanager
def _zstd(member: bytes) -> Iterator[Readable]:
    if shutil.which("zstd") is None:
        raise ValueError("compressed with zstd; install the command zstd")
    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as messages:
        file.write(member)
        file.seek(0)
        command = ["zstd", "-dcq", f"--memory={XZ_MEMORY_BYTES // MIB}MB"]
        with subprocess.Popen(
            command, stdin=file, stdout=subprocess.PIPE, stderr=messages
        ) as program:
            try:
                assert program.stdout is not None
                yield program.stdout
                program.stdout.close()
                status = program.wait()
            finally:
                program.kill()
        if status != 0:
            messages.seek(0)
            raise EOFError(messages.read().decode(errors="replace").strip())


def _ar_members(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Headers of 60 bytes (name 16, then size at 48, decimal, 10 wide); data padded to even."""
    if file.read(len(AR_MAGIC)) != AR_MAGIC:
        raise ValueError("not a Debian package (no ar archive)")
    while len(header := file.read(AR_HEADER_BYTES)) == AR_HEADER_BYTES:
        size_field = header[48:58].strip(b" ")
        if re.fullmatch(rb"\d+", size_field) is None or header[58:] != AR_HEADER_END:
            raise EOFError("a broken header of ar")
        size = int(size_field)
        if size > MAX_TOTAL_BYTES:
            raise ValueError(f"a member of ar has {size} bytes: not a package of sounds")
        member = file.read(size)
        if len(member) < size:
            raise EOFError("it ends too early")
        file.read(size % 2)
        yield header[:16].decode("ascii", "replace").rstrip(" /"), member
