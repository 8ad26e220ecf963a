"""What a package or a container may unpack to, and how a damaged one shows itself.

The largest listed package is one container of 210 MB (ufoai-music). What unpacks to far more is no
package of sounds: it is refused before it fills memory or disk.
"""

import binascii
import errno
import lzma
import struct
import tarfile
import zipfile
import zlib

MIB = 1 << 20
MAX_MEMBER_BYTES = 256 * MIB
MAX_TOTAL_BYTES = 640 * MIB  # of a package, and of all its members that are read
MAX_MEMBERS = 100_000
MAX_PATH_CHARACTERS = 4096
SHOWN_CHARACTERS = 120

# What Python's readers raise on damaged or unknown formats; the message is a reason.
DAMAGE = (
    *(zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, binascii.Error),
    *(EOFError, struct.error, IndexError, KeyError, OverflowError, OSError),
    *(RuntimeError, UnicodeError),  # RuntimeError: also NotImplementedError and RecursionError
)


class Allowance:
    """What is left for the members of a package, those of its containers included."""

    def __init__(self) -> None:
        self.num_bytes = MAX_TOTAL_BYTES
        self.num_members = MAX_MEMBERS

    def take_member(self) -> None:
        self.num_members -= 1
        if self.num_members < 0:
            raise ValueError(f"more than {MAX_MEMBERS} members")

    def take(self, num_bytes: int, name: str) -> None:
        """Raises ValueError where a member, or all of them together, are too large."""
        if not 0 <= num_bytes <= MAX_MEMBER_BYTES:
            raise ValueError(f"{shown(name)} has {num_bytes} bytes, more than any sound")
        self.num_bytes -= num_bytes
        if self.num_bytes < 0:
            raise ValueError(f"unpacks to more than {MAX_TOTAL_BYTES // MIB} MiB")


def reason(error: Exception) -> str:
    """Of damage, in one line. Raises the error again where it is the disk's, not the file's."""
    if isinstance(error, OSError) and error.errno not in (None, errno.EINVAL):
        raise error
    return shown(" ".join(str(error).split()) or type(error).__name__)


def shown(name: str) -> str:
    """A member's name in a message: of one line, and not endless."""
    name = name if len(name) <= SHOWN_CHARACTERS else name[:SHOWN_CHARACTERS] + "..."
    return name if name and name.isprintable() else repr(name)
