"""Writes wanted members of a package, and of the containers inside it, below a folder."""

import logging
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from archives import files
from containers import read_container

logger = logging.getLogger(__name__)


def extract(package: Path, wanted: Callable[[str], bool], folder: Path) -> dict[str, Path]:
    """Write the members whose path `wanted` accepts.

    A member of a container has the path `container!/member`. A container that cannot be read is
    skipped with a warning: its members then count as missing.

    Returns:
        path -> the file that was written.
    """
    written = {}
    for path, content in files(package):
        if wanted(path):
            written[path] = write(content, folder, path)
        try:
            for member_path, member in read_container(path, content, wanted):
                written[member_path] = write(member, folder, member_path)
        except ValueError as error:
            logger.warning("%s: %s", package, error)
    return written


def write(content: bytes, folder: Path, path: str) -> Path:
    relative = PurePosixPath(path.replace("!/", "/"))
    if relative.is_absolute() or ".." in relative.parts:
        raise ValueError(f"{path} would be written outside {folder}; do not use this package")
    file = folder / relative
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    return file
