"""Writes wanted members of a package, and of the containers inside it, below a folder."""

import logging
import os
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from .archives import files
from .containers import is_container, read_container
from .unpacking_limits import Allowance, shown

MAX_NAME_BYTES = 255  # of Linux's file systems
MAX_PATH_BYTES = 2048  # half of Linux's: the rest is the folder's
MAX_FOLDERS = 100

logger = logging.getLogger(__name__)


def extract(package: Path, wanted: Callable[[str], bool], folder: Path) -> dict[str, Path]:
    """Write the members whose path `wanted` accepts.

    A member of a container has the path `container!/member`. A container that cannot be read is
    skipped with a warning, and so is a member whose name no file can have: they count as missing.

    Returns:
        path -> the file that was written.

    Raises:
        ValueError: a package that is damaged, or that would write outside `folder`.
        OSError: the disk is full.
    """
    written = {}
    allowance = Allowance()

    def keep(path: str, content: bytes) -> None:
        reason = unusable(path)
        if reason is None:
            try:
                written[path] = write(content, folder, path)
                return
            except (FileExistsError, NotADirectoryError, IsADirectoryError):
                reason = "a file of the package stands where its folder should, or the reverse"
            except ValueError as error:
                raise ValueError(f"{package}: {error}") from None
        logger.warning("%s: %s is left out: %s", package, shown(path), reason)

    members = files(package, lambda path: wanted(path) or is_container(path), allowance)
    for path, content in members:
        if wanted(path):
            keep(path, content)
        container = read_container(path, content, wanted, allowance)
        while True:
            try:
                member_path, member = next(container)
            except StopIteration:
                break
            except ValueError as error:
                logger.warning("%s: %s", package, error)
                break
            keep(member_path, member)
    return written


def unusable(path: str) -> str | None:
    """Why no file can have this name."""
    relative = PurePosixPath(path.replace("!/", "/"))
    if "\0" in path or relative.name == "":
        return "the name is empty or holds a zero byte"
    try:
        longest = max(len(os.fsencode(part)) for part in relative.parts)
    except UnicodeEncodeError:
        return "the name is no text"
    if longest > MAX_NAME_BYTES or len(os.fsencode(relative)) > MAX_PATH_BYTES:
        return "the name is too long"
    if len(relative.parts) > MAX_FOLDERS:
        return f"it lies in more than {MAX_FOLDERS} folders"
    return None


def write(content: bytes, folder: Path, path: str) -> Path:
    """Raises ValueError where the file would lie outside `folder`, also through a link in it."""
    relative = PurePosixPath(path.replace("!/", "/"))
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(
            f"{shown(path)} would be written outside {folder}; do not use this package"
        )
    file = folder / relative
    for parent in list(relative.parents)[:-1]:
        if (folder / parent).is_symlink():
            raise ValueError(
                f"{shown(path)} would be written outside {folder}: {folder / parent} is a link; "
                "remove it"
            )
    file.parent.mkdir(parents=True, exist_ok=True)
    if file.is_symlink():
        file.unlink()  # it is replaced, not followed
    file.write_bytes(content)
    return file
