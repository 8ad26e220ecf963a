"""Stage 0 for a published data set that comes with a list of its recordings: list and audio are
compared, and what only one of them has is counted and listed."""

import csv
import io
import logging
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from uss.data.dataset import LABELLED_SPLITS
from uss.data.folder_tables import Recording
from uss.tables import Missing, Surplus, write_table
from uss.text_files import read_text

logger = logging.getLogger(__name__)


def read_list(path: Path, columns: tuple[str, ...], source: str) -> list[dict[str, str]]:
    """The rows of a published CSV.

    Args:
        columns: that every row must have; others are left alone.
        source: where the data set comes from, for the remedy.

    Raises:
        ValueError: there is no such file, or a row does not fit.
    """
    if not path.is_file():
        raise ValueError(f"{path} is not there: data.audio names the unpacked folder of {source}")
    text = read_text(path, f"get it from {source}")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    lacking = [column for column in columns if column not in (reader.fieldnames or ())]
    if lacking:
        raise ValueError(f"{path} has no column {', '.join(lacking)}; get it from {source}")
    rows = list(reader)
    for number, row in enumerate(rows, 2):
        if not all(row[column] for column in columns):
            raise ValueError(f"{path}, row {number}: {', '.join(columns)}: one of them is empty")
    return rows


def with_audio(
    recordings: list[Recording], split_of: dict[str, str], folders: list[Path], data: Path
) -> list[Recording]:
    """The recordings whose file is there.

    Writes data/<split>/missing.csv, of the others, and data/surplus.csv, of files in the folders
    that no recording has.

    Args:
        split_of: group -> split.

    Raises:
        ValueError: none of them is there.
    """
    found = {
        path
        for folder in folders
        if folder.is_dir()
        for path in folder.iterdir()
        if path.is_file() and not path.name.startswith(".")
    }
    missing = defaultdict(list)
    for recording in recordings:
        if recording.path not in found:
            row = Missing(recording.name, f"{recording.path} is not there")
            missing[split_of[recording.group]].append(row)
    for split in LABELLED_SPLITS:
        write_table(data / split / "missing.csv", missing[split], Missing)
    unlisted = sorted(found - {recording.path for recording in recordings})
    surplus = [Surplus(str(path), "the data set's list does not name it") for path in unlisted]
    write_table(data / "surplus.csv", surplus, Surplus)
    num_missing = sum(map(len, missing.values()))
    if num_missing == len(recordings):
        raise ValueError(
            f"none of the {num_missing} listed recordings is in "
            f"{' or '.join(map(str, folders))}: unpack the audio there"
        )
    for num, what, where in (
        (num_missing, "listed recordings have no audio", f"{data}/<split>/missing.csv"),
        (len(surplus), "files are not listed, and not used", f"{data}/surplus.csv"),
    ):
        if num:
            logger.warning("%d %s: %s names them", num, what, where)
    return [recording for recording in recordings if recording.path in found]


def class_names(table: Path, labels: set[str]) -> dict[str, str]:
    """label of a data set -> name of the class: AudioSet's where the table has one (columns label
    and audioset_class), else the label with blanks.

    Raises ValueError for labels that the table lacks.
    """
    with open(table, encoding="utf-8", newline="") as file:
        names = {row["label"]: row["audioset_class"] for row in csv.DictReader(file)}
    unknown = sorted(labels - names.keys())
    if unknown:
        raise ValueError(f"{table} lacks the labels {', '.join(unknown)}; add them there")
    return {label: names[label] or label.replace("_", " ") for label in labels}


def splits_of_groups(splits: Iterable[tuple[str, str]]) -> dict[str, str]:
    """group -> split, of a pair for each recording. Raises ValueError for a group with two."""
    split_of: dict[str, str] = {}
    for group, split in splits:
        if split_of.setdefault(group, split) != split:
            raise ValueError(
                f"group {group} is in {split_of[group]} and in {split}: no two splits may share one"
            )
    return split_of
