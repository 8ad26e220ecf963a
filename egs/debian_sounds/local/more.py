"""More recordings, which only train: data/more/, for `labelled: large`.

Development and evaluation stay as they are without them. A group of which any recording shares
sound with one of the benchmark's is left out, whatever the fold: what is in training in one fold
is evaluated in another.
"""

import logging
from pathlib import Path

from .fingerprint import copies
from .packages import Found, Package
from .recordings import Listed, Recording, extract_recordings, load_mono

logger = logging.getLogger(__name__)


def extract_more(
    listed: list[Listed],
    packages: list[Package],
    found: dict[str, Found],
    benchmark: list[Recording],
    folder: Path,
) -> tuple[list[Recording], dict[str, str]]:
    """Extract into `folder`; returns as `extract_recordings`, with the copies' groups rejected.

    Raises:
        ValueError: for a class that the benchmark does not have.
    """
    unknown = {row.audioset_label for row in listed} - {row.audioset_label for row in benchmark}
    if unknown:
        raise ValueError(
            f"local/debian_sounds_more.csv: {', '.join(sorted(unknown))}: no class of "
            "local/debian_sounds.csv; only its classes can have more recordings"
        )
    recordings, rejected = extract_recordings(listed, packages, found, folder)
    copied = copied_groups(recordings, benchmark)
    for row in recordings:
        if row.group in copied:
            rejected[row.recording_id] = f"its group shares sound with {copied[row.group]}"
    for group, name in copied.items():
        logger.info("group %s is left out: it shares sound with %s", group, name)
    return [row for row in recordings if row.group not in copied], rejected


def copied_groups(recordings: list[Recording], benchmark: list[Recording]) -> dict[str, str]:
    """Group -> a recording of the benchmark that one of its recordings shares sound with."""
    files = {row.recording_id: row.file for row in (*recordings, *benchmark)}
    group_of = {row.recording_id: row.group for row in recordings}
    found = copies(
        list(group_of),
        [row.recording_id for row in benchmark],
        lambda name: load_mono(files[name]),
        lambda *pair: True,
    )
    return {group_of[name]: reference for name, reference in found}
