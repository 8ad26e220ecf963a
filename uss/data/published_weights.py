"""Published weights: downloaded where pretrained.yaml names a file that is not there, checked."""

import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from uss.data.fetch import FetchError, fetch_persistently
from uss.schema import Pretrained
from uss.tables import read_table, write_table

TIMEOUT_SECONDS = 60.0
NUM_TRIES = 5  # a broken transfer goes on where it broke

logger = logging.getLogger(__name__)


@dataclass
class Published:
    """A file of published weights; null where no cited source gives size or checksum."""

    file: str
    url: str
    num_bytes: int | None
    md5: str | None


@dataclass
class Weights:
    """Part of a recipe's data.yaml, by the keys of pretrained.yaml."""

    sound_event_detector: Published
    query_encoder: Published
    audio_mae: Published


class WeightsRow(NamedTuple):
    """pretrained.csv: the files of weights as they were at first use."""

    key: str
    path: str
    num_bytes: int
    sha256: str


def prepare_weights(pretrained: Pretrained, published: Weights, record: Path) -> None:
    """Get and check the files that pretrained.yaml names.

    Args:
        record: pretrained.csv, written at first use, compared ever after.

    Raises:
        ValueError: a file that is missing and cannot be had, or is not what it should be.
    """
    before = {row.key: row for row in read_table(record, WeightsRow)} if record.exists() else {}
    rows = []
    for key, name in vars(pretrained).items():
        if name is not None:
            row = check(key, Path(name), getattr(published, key), before.get(key))
            rows.append(row)
    if rows != list(before.values()):
        write_table(record, rows, WeightsRow)


def check(key: str, path: Path, published: Published, before: WeightsRow | None) -> WeightsRow:
    if not path.exists():
        get(key, path, published)
    is_published = path.name == published.file
    num_bytes = path.stat().st_size
    if is_published and published.num_bytes not in (None, num_bytes):
        raise ValueError(
            f"{path} has {num_bytes} bytes, the published file {published.num_bytes}; remove it, "
            f"and get it again from {published.url}"
        )
    with open(path, "rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    row = WeightsRow(key, str(path), num_bytes, sha256)
    if row == before:
        return row
    if before is not None and before.path == row.path and published.md5 is None:
        raise ValueError(
            f"{path} is not the file of its first use (SHA-256 {before.sha256}, now {sha256}); "
            f"put that one back, or remove {before.key}'s row of data/pretrained.csv"
        )
    if is_published and published.md5 is not None:
        with open(path, "rb") as file:
            md5 = hashlib.file_digest(file, "md5").hexdigest()
        if md5 != published.md5:
            raise ValueError(
                f"{path} has the MD5 {md5}, the published file {published.md5}; remove it, and "
                f"get it again from {published.url}"
            )
    logger.info("%s: %s, %d bytes, SHA-256 %s", key, path, num_bytes, sha256)
    return row


def get(key: str, path: Path, published: Published) -> None:
    if path.name != published.file:
        raise ValueError(
            f"pretrained.{key} names {path}, which is not there; only {published.file} can be "
            "downloaded: correct the path, or write null to train the network here"
        )
    logger.info("download %s from %s", path, published.url)
    try:
        return fetch_persistently(published.url, path, TIMEOUT_SECONDS, NUM_TRIES)
    except FetchError as error:
        failure = error
    checked = f"its size, {published.num_bytes} bytes, and MD5, {published.md5}, are checked"
    if published.md5 is None:
        checked = "no source gives its size or checksum: its SHA-256 is recorded at first use"
    raise ValueError(
        f"pretrained.{key}: {path} cannot be downloaded ({failure}): get {published.url} on a "
        f"machine with a network and put it there as {path}; {checked}"
    )
