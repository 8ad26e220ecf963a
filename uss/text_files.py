"""Text files that people and other programs write: tables, lists and YAML."""

import errno
import stat
from pathlib import Path


def read_text(path: Path | str, remedy: str, max_bytes: int = 1 << 33) -> str:
    """The text of a file in UTF-8, with or without a byte order mark, lines ended as they are.

    Raises:
        ValueError: with the path and what is wrong, for what is no such file.
        OSError: the system does not let the file be read.
    """
    path = Path(path)
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise ValueError(f"{path} is missing; {remedy}") from None
    except OSError as error:
        if error.errno not in (errno.ELOOP, errno.ENAMETOOLONG):
            raise
        raise ValueError(f"{path} cannot be opened ({error.strerror}); {remedy}") from None
    if not stat.S_ISREG(status.st_mode):  # a pipe would be waited for
        raise ValueError(f"{path} is not a file; {remedy}")
    if status.st_size > max_bytes:
        raise ValueError(f"{path} holds {status.st_size} bytes, at most {max_bytes}; {remedy}")
    content = path.read_bytes()
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise ValueError(f"{path} is in UTF-16: save it as UTF-8")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ValueError(f"{path}: line {line}: not UTF-8 ({error.reason}); {remedy}") from None
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise ValueError(f"{path}: line {line}: a NUL character, so this is no text; {remedy}")
    return text
