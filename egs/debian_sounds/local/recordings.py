"""The recordings: listed in the table, extracted, compared with it, grouped by common origin."""

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss import audio
from uss.tables import read_rows

from .extraction import extract
from .fingerprint import copies
from .packages import Found, Package

DURATION_TOLERANCE_SECONDS = 0.02  # the table has two decimals

logger = logging.getLogger(__name__)


class Listed(NamedTuple):
    """debian_sounds.csv: a survey of the packages, one row a file."""

    audioset_label: str
    finer_label: str
    package: str
    path: str  # in the unpacked package; `container!/member` inside a container
    duration_seconds: float
    sample_rate: int
    num_channels: int
    licence: str
    group: str  # recording, session or speaker
    benchmark: bool
    doubtful: bool

    @property
    def recording_id(self) -> str:
        return f"{self.package}:{self.path}"


class Recording(NamedTuple):
    """data/extracted.csv: an extracted file that agrees with the table."""

    recording_id: str
    audioset_label: str
    package: str
    path: str
    file: str
    duration_seconds: float
    sample_rate: int
    licence: str
    listed_group: str
    group: str  # joins listed groups that share sound


def read_listed(path: Path) -> list[Listed]:
    return read_rows(path, Listed, "the repository has it: git checkout local")


def load_mono(file: Path | str) -> tuple[np.ndarray, int]:
    """(samples,) float32 around zero, and the rate. Raises ValueError where `audio.decode` does."""
    waveform, rate = audio.decode(file)
    mono = waveform.mean(axis=0)
    return (mono - mono.mean() if len(mono) else mono), rate


def disagreement(listed: Listed, file: Path | None) -> str | None:
    """What differs between an extracted file and its row, or None."""
    if file is None:
        return "not in the package"
    try:
        waveform, rate = audio.decode(file)
    except audio.BadAudio as error:
        return str(error)
    seconds = waveform.shape[1] / rate
    if abs(seconds - listed.duration_seconds) > DURATION_TOLERANCE_SECONDS:
        return f"{seconds:.2f} s, not {listed.duration_seconds:.2f} s"
    if rate != listed.sample_rate:
        return f"{rate} Hz, not {listed.sample_rate} Hz"
    if waveform.shape[0] != listed.num_channels:
        return f"{waveform.shape[0]} channels, not {listed.num_channels}"
    return None if waveform.any() else "silent"


def extract_recordings(
    listed: list[Listed], packages: list[Package], found: dict[str, Found], folder: Path
) -> tuple[list[Recording], dict[str, str]]:
    """Extract the listed files and each package's notices.

    Returns:
        the recordings that agree with the table, in groups of the table;
        recording_id -> reason of those that do not.
    """
    recordings, rejected = [], {}
    for package in packages:
        rows = [row for row in listed if row.package == package.package]
        paths = {row.path for row in rows} | {package.notice}
        target = folder / package.package
        files = extract(found[package.package].path, paths.__contains__, target)
        for row in rows:
            reason = disagreement(row, files.get(row.path))
            if reason is not None:
                rejected[row.recording_id] = reason
                logger.warning("%s is left out: %s", row.recording_id, reason)
                continue
            recordings.append(
                Recording(
                    row.recording_id,
                    row.audioset_label,
                    row.package,
                    row.path,
                    str(files[row.path]),
                    row.duration_seconds,
                    row.sample_rate,
                    row.licence,
                    row.group,
                    row.group,
                )
            )
        num_used = sum(row.package == package.package for row in recordings)
        logger.info("%s: %d of %d recordings", package.package, num_used, len(rows))
    return recordings, rejected


def join_copies(recordings: list[Recording]) -> tuple[list[Recording], list[tuple[str, str]]]:
    """Join groups that share sound: identical sound must never be on two sides of a split.

    Returns:
        the recordings with their joined groups; the pairs of copies that joined them.
    """
    group_of = {row.recording_id: row.group for row in recordings}
    file_of = {row.recording_id: row.file for row in recordings}
    names = list(group_of)
    found = copies(
        names,
        names,
        lambda name: load_mono(file_of[name]),
        lambda one, other: one < other and group_of[one] != group_of[other],
    )
    joined = join(set(group_of.values()), [(group_of[a], group_of[b]) for a, b in found])
    return [row._replace(group=joined[row.group]) for row in recordings], found


def join(names: Iterable[str], pairs: list[tuple[str, str]]) -> dict[str, str]:
    """Name -> the first name, alphabetically, among all that pairs connect it with."""
    first = {name: name for name in names}
    for one, other in pairs:
        low, high = sorted((first[one], first[other]))
        first = {name: low if root == high else root for name, root in first.items()}
    return first
