"""Whether a file that torch.save wrote is whole, by the checksums in it; torch's own reader does
not compare them. Nothing here imports torch: a finished training is skipped at once.

A gigabyte takes about a second, as its digest does.
"""

import errno
import struct
import zipfile
from pathlib import Path

# Of a zip file's directory (PKWARE's APPNOTE.TXT, 4.3.12 to 4.3.16): a member without its name,
# and the end, before which there is a longer one where numbers are large or, by torch.save, always.
MEMBER = struct.Struct("<4s12s3L5H2L")
END = struct.Struct("<4s4H2LH")
LONG_END = struct.Struct("<4sQ4s2L4Q4sLQL")


def damage(path: Path) -> str | None:
    """What is wrong with the file; None where every checksum holds.

    torch.save stores its members as they are. One that is compressed, or that lies over another
    one, comes from elsewhere and may be larger than any memory.

    Raises:
        OSError: the disk's fault, not the file's.
    """
    try:
        with zipfile.ZipFile(path) as content:
            members = content.infolist()
            if any(member.compress_type != zipfile.ZIP_STORED for member in members):
                return "not as torch.save writes it: a part is compressed"
            if sum(member.file_size for member in members) > path.stat().st_size:
                return "its parts are larger than the file"
            if len(set(content.namelist())) < len(members):
                return "two parts have one name"
            refuse_other_directory(path, content.start_dir, len(members))
            broken = content.testzip()
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # a seek to where no file can have anything
            raise
        return shown(error)
    except Exception as error:  # damaged headers make zipfile raise almost anything
        return shown(error)
    return None if broken is None else f"{broken} has another checksum"


def refuse_other_directory(path: Path, start: int, num_members: int) -> None:
    """Raises ValueError where a bit of the zip file's directory is not as torch.save writes it:
    no checksum covers it, and Python's reader looks at less of it than torch's.

    Args:
        start: of the directory, in bytes.
    """
    with path.open("rb") as file:
        file.seek(start)
        directory = file.read()
    constants, position = set(), 0
    for _ in range(num_members):
        fields = MEMBER.unpack_from(directory, position)
        signature, versions_to_date, _, stored, size, *lengths, disk, internal, external, _ = fields
        constants.add((signature, versions_to_date, stored == size, disk, internal, external))
        position += MEMBER.size + sum(lengths)
    if len(constants) > 1:
        raise ValueError("its directory is damaged")
    end, size = start + position, position
    short = END.pack(
        b"PK\5\6", 0, 0, *[min(num_members, 0xFFFF)] * 2,
        min(size, 0xFFFFFFFF), min(start, 0xFFFFFFFF), 0,
    )  # fmt: skip
    versions = directory[position + 12 : position + 16]
    long = LONG_END.pack(
        b"PK\6\6", 44, versions, 0, 0, num_members, num_members, size, start,
        b"PK\6\7", 0, end, 1,
    )  # fmt: skip
    if directory[position:] not in (short, long + short):
        raise ValueError("its end is damaged")


def shown(error: Exception, most: int = 120) -> str:
    """The first line of a message, shortened to so many characters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= most else f"{lines[0][: most - 3]}..."
