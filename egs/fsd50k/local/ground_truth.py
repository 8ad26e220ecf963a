"""FSD50K's ground truth: vocabulary.csv, dev.csv and eval.csv."""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

from uss.labels import audioset_names
from uss.tables import read_rows
from uss.text_files import read_text

REMEDY = "it must be FSD50K's own file: remove it, and unpack it again"
SPLITS = {"train": "train", "val": "dev"}  # the authors' in dev.csv: ours


class DevRow(NamedTuple):
    """dev.csv: labels and their mids by commas, with all classes above them."""

    fname: str
    labels: str
    mids: str
    split: str


class EvalRow(NamedTuple):
    """eval.csv: as dev.csv, without the split."""

    fname: str
    labels: str
    mids: str


class Row(NamedTuple):
    """A clip of the ground truth; split: train, dev or eval."""

    fname: str
    class_ids: list[str]
    split: str


def read_vocabulary(path: Path) -> dict[str, str]:
    """label -> class_id, in the file's order.

    Raises:
        ValueError: with file and line, for a row that does not fit.
    """
    known = audioset_names()
    vocabulary: dict[str, str] = {}
    for number, cells in enumerate(csv.reader(io.StringIO(read_text(path, REMEDY)))):
        if len(cells) != 3 or cells[0] != str(number) or cells[1] in vocabulary:
            raise ValueError(f"{path}: line {number + 1}: expected {number},label,mid; {REMEDY}")
        if cells[2] not in known:
            raise ValueError(
                f"{path}: line {number + 1}: {cells[2]!r} is not in AudioSet's ontology; {REMEDY}"
            )
        vocabulary[cells[1]] = cells[2]
    return vocabulary


def read_ground_truth(folder: Path, vocabulary: dict[str, str]) -> list[Row]:
    """The clips of dev.csv and eval.csv. Raises ValueError with file and fname."""
    rows = []
    for dev in read_rows(folder / "dev.csv", DevRow, REMEDY):
        if dev.split not in SPLITS:
            raise ValueError(
                f"{folder / 'dev.csv'}: fname {dev.fname}: split is {dev.split!r}; {REMEDY}"
            )
        class_ids = read_labels(dev, folder / "dev.csv", vocabulary)
        rows.append(Row(dev.fname, class_ids, SPLITS[dev.split]))
    for row in read_rows(folder / "eval.csv", EvalRow, REMEDY):
        rows.append(Row(row.fname, read_labels(row, folder / "eval.csv", vocabulary), "eval"))
    return rows


def read_labels(row: DevRow | EvalRow, path: Path, vocabulary: dict[str, str]) -> list[str]:
    labels = row.labels.split(",")
    unknown = [label for label in labels if label not in vocabulary]
    if unknown or not re.fullmatch("[0-9]+", row.fname):
        what = f"label {unknown[0]!r}, which vocabulary.csv lacks" if unknown else "no Freesound id"
        raise ValueError(f"{path}: fname {row.fname!r}: {what}; {REMEDY}")
    return [vocabulary[label] for label in labels]
