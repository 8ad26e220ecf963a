"""The files inside a package, read in one pass without unpacking or installing it.

A .deb is an `ar` archive whose member `data.tar.*` holds the files; a .whl is a zip file. Python
reads both by itself, so this works where there is no dpkg; only zstd (packages of Ubuntu) needs
the command of that name.
"""

import gzip
import io
import lzma
import shutil
import subprocess
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

AR_MAGIC = b"!<arch>\n"
AR_HEADER_BYTES = 60
DAMAGE = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError)


def files(package: Path) -> Iterator[tuple[str, bytes]]:
    """Yield (path, content) for every regular file; paths have no leading `./`.

    Raises:
        ValueError: a package that is damaged or in a format that cannot be read here.
    """
    try:
        if package.suffix == ".whl":
            yield from _zip_files(package)
        else:
            yield from _deb_files(package)
    except DAMAGE as error:
        raise ValueError(f"{package}: damaged ({error}); replace it with a good copy") from None
    except ValueError as error:
        raise ValueError(f"{package}: {error}") from None


def _zip_files(package: Path) -> Iterator[tuple[str, bytes]]:
    with zipfile.ZipFile(package) as archive:
        for info in archive.infolist():
            if not info.is_dir():
                yield info.filename, archive.read(info)


def _deb_files(package: Path) -> Iterator[tuple[str, bytes]]:
    members = _ar_members(package.read_bytes())
    name, member = next((m for m in members if m[0].startswith("data.tar")), ("", b""))
    if not name:
        raise ValueError("not a Debian package (no data.tar in it)")
    # All of it first: only so is the checksum at the stream's end seen.
    content = _decompress(name, member)
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:") as archive:
        for info in archive:
            file = archive.extractfile(info) if info.isfile() else None
            if file is not None:
                yield info.name.removeprefix("./"), file.read()


def _decompress(name: str, member: bytes) -> bytes:
    match name.removeprefix("data.tar"):
        case "":
            return member
        case ".xz":
            return lzma.decompress(member)
        case ".gz":
            return gzip.decompress(member)
        case ".zst":
            return _decompress_zstd(member)
    raise tarfile.TarError(f"{name} is compressed in a way that is not known here")


def _ar_members(content: bytes) -> Iterator[tuple[str, bytes]]:
    """Headers of 60 bytes (name 16, then size at 48, decimal, 10 wide); data padded to even."""
    if not content.startswith(AR_MAGIC):
        raise ValueError("not a Debian package (no ar archive)")
    position = len(AR_MAGIC)
    while position + AR_HEADER_BYTES <= len(content):
        header = content[position : position + AR_HEADER_BYTES]
        size = int(header[48:58])
        position += AR_HEADER_BYTES
        member = content[position : position + size]
        if len(member) < size:
            raise EOFError("it ends too early")
        yield header[:16].decode().rstrip(" /"), member
        position += size + size % 2


def _decompress_zstd(member: bytes) -> bytes:
    if shutil.which("zstd") is None:
        raise ValueError("compressed with zstd; install the command zstd")
    done = subprocess.run(["zstd", "-dc"], input=member, capture_output=True)
    if done.returncode != 0:
        raise EOFError(done.stderr.decode(errors="replace").strip())
    return done.stdout
