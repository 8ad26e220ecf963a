"""Whether a file that torch.save wrote is whole, by the checksums in it; torch's own reader does
not compare them. Nothing here imports torch: a finished training is skipped at once.

A gigabyte takes about a second, as its digest does.
"""

import errno
import zipfile
from pathlib import Path


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
            broken = content.testzip()
    except OSError as error:
        if error.errno not in (None, errno.EINVAL):  # a seek to where no file can have anything
            raise
        return shown(error)
    except Exception as error:  # damaged headers make zipfile raise almost anything
        return shown(error)
    return None if broken is None else f"{broken} has another checksum"


def shown(error: Exception, most: int = 120) -> str:
    """The first line of a message, shortened to so many characters."""
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0] if len(lines[0]) <= most else f"{lines[0][: most - 3]}..."
