"""FSD50K's archives from Zenodo: resumed where they stopped, checked as Zenodo's record says."""

import hashlib
import logging
from pathlib import Path
from typing import NamedTuple

from uss.data.fetch import FetchError, fetch_persistently
from uss.files import Step
from uss.writing import read_json

from .archives import ARCHIVES
from .disk_room import require_room

TIMEOUT_SECONDS = 60.0
NUM_TRIES = 20  # of 20 GB; each goes on where the one before broke

logger = logging.getLogger(__name__)


class Published(NamedTuple):
    """A file of the record."""

    name: str
    url: str
    num_bytes: int
    md5: str


def download(record_url: str, folder: Path) -> None:
    """Get the archives that are not there, and check each of them once.

    Raises:
        ValueError: one cannot be had, is not what the record says, or the disk has too little room.
    """
    published = read_record(record_url, folder / "record.json")
    wanted = [file for file in published if file.name.startswith(tuple(f"{a}." for a in ARCHIVES))]
    missing = [archive for archive in ARCHIVES if f"{archive}.zip" not in {f.name for f in wanted}]
    if missing:
        raise ValueError(
            f"{folder / 'record.json'} names no {missing[0]}.zip: data.record must be the URL of "
            "FSD50K's record; correct it, and remove the file"
        )
    check_room(wanted, folder)
    for file in sorted(wanted, key=lambda file: file.num_bytes):
        get(file, folder / file.name)


def read_record(url: str, path: Path) -> list[Published]:
    """The record's files, as Zenodo's API lists them. It is kept, so that a later run needs no
    network."""
    if not path.exists():
        request(url, path, f"put it there as {path}")
    try:
        files = read_json(path)["files"]
        return [
            Published(file["key"], file["links"]["self"], file["size"], md5_of(file["checksum"]))
            for file in files
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"{path} is no description of files as {url} gives it ({error!r}): remove it, and run "
            "stage 0 again"
        ) from None


def md5_of(checksum: str) -> str:
    kind, _, digits = checksum.partition(":")
    if kind != "md5":
        raise ValueError(f"a checksum of the kind {kind}")
    return digits


def check_room(files: list[Published], folder: Path) -> None:
    """Say what is to be downloaded. Raises ValueError where the disk has less room."""
    absent = [file for file in files if not (folder / file.name).exists()]
    num_bytes = sum(file.num_bytes for file in absent)
    if absent:
        logger.info("download of %d archives, %.1f GB, to %s", len(absent), num_bytes / 1e9, folder)
    for file in absent:  # what has come of it lies beside it
        part = folder / f"{file.name}.part"
        num_bytes -= part.stat().st_size if part.exists() else 0
    require_room(folder, num_bytes, "data.archives")


def get(file: Published, path: Path) -> None:
    step = Step(path, {}, {"num_bytes": file.num_bytes, "md5": file.md5})
    if step.is_current():
        return
    if not path.exists():
        request(file.url, path, f"put it there as {path}")
    check(file, path)
    step.finish()


def check(file: Published, path: Path) -> None:
    num_bytes = path.stat().st_size
    if num_bytes != file.num_bytes:
        raise ValueError(
            f"{path} has {num_bytes} bytes, Zenodo's record says {file.num_bytes}; remove it, and "
            "run stage 0 again"
        )
    with open(path, "rb") as content:
        md5 = hashlib.file_digest(content, "md5").hexdigest()
    if md5 != file.md5:
        raise ValueError(
            f"{path} has the MD5 {md5}, Zenodo's record says {file.md5}; remove it, and run stage "
            "0 again"
        )


def request(url: str, path: Path, remedy: str) -> None:
    try:
        fetch_persistently(url, path, TIMEOUT_SECONDS, NUM_TRIES)
    except FetchError as error:
        raise ValueError(
            f"{url} cannot be downloaded ({error}): run stage 0 again later, it goes on where it "
            f"stopped; or get it on a machine with a network, and {remedy}"
        ) from None
