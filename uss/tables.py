"""The recipe's tables: CSV with a header, sorted by id, validated by writer and reader alike."""

import csv
import io
import math
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from uss.files import write_text


class ClassRow(NamedTuple):
    """classes.csv; class_id is AudioSet's mid."""

    index: int
    class_id: str
    name: str


class Clip(NamedTuple):
    """clips.csv; `path` is absolute or relative to the recipe, `labels` class_ids, by spaces."""

    clip_id: str
    path: str
    start_seconds: float
    duration_seconds: float
    labels: str
    group: str


class Event(NamedTuple):
    """events.csv: true times, where a recipe knows them; `group` is the event's recording."""

    event_id: str
    clip_id: str
    class_id: str
    start_seconds: float
    duration_seconds: float
    group: str


class Rejected(NamedTuple):
    """rejected.csv"""

    clip_id: str
    reason: str


class Anchor(NamedTuple):
    """anchors.csv; `score` is the detector's probability at the anchor (1 for true times)."""

    anchor_id: str
    clip_id: str
    class_id: str
    start_sample: int
    score: float
    group: str


class Mixture(NamedTuple):
    """mixtures/*.csv"""

    mixture_id: str
    target_anchor: str
    interferer_anchor: str


class ClassPair(NamedTuple):
    """forbidden_pairs.csv: classes that overlap in meaning and never meet in a mixture."""

    pair_id: str
    class_id: str
    other_class_id: str


class Result(NamedTuple):
    """results.csv; the metrics are in dB."""

    system: str
    embedding: str
    mixture_id: str
    class_id: str
    group: str
    sdr: float
    sdri: float
    si_sdr: float


Row = TypeVar("Row", bound=NamedTuple)
KEY_LENGTH = {Result: 3}  # the leading columns that form the id; one elsewhere


def write_table(path: Path | str, rows: Iterable[Row], cls: type[Row]) -> None:
    """Write rows sorted by id, atomically. Raises ValueError as `read_table` would."""
    rows = sorted(rows, key=_key(cls))
    _validate(rows, cls, path, first_line=2)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(cls._fields)
    writer.writerows([_text(value) for value in row] for row in rows)
    write_text(path, buffer.getvalue())


def read_table(path: Path | str, cls: type[Row]) -> list[Row]:
    """Read and validate a table.

    Raises:
        ValueError: with file, line, id and remedy.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path} is missing; {_stage_that_writes(path)}")
    types = [typing.get_type_hints(cls)[field] for field in cls._fields]
    rows = []
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader, [])
        if header != list(cls._fields):
            raise ValueError(f"{path}: line 1: the header must be {','.join(cls._fields)}")
        for cells in reader:
            if len(cells) != len(types):
                raise ValueError(
                    f"{path}: line {reader.line_num}: {len(cells)} columns, expected "
                    f"{len(types)}; {_stage_that_writes(path)}"
                )
            try:
                rows.append(cls(*[kind(cell) for kind, cell in zip(types, cells, strict=True)]))
            except ValueError as error:
                raise ValueError(
                    f"{path}: line {reader.line_num}: id {cells[0]!r}: {error}"
                ) from None
    _validate(rows, cls, path, first_line=2)
    return rows


def _key(cls: type) -> typing.Callable:
    length = KEY_LENGTH.get(cls, 1)
    return lambda row: row[:length]


def _text(value: object) -> str:
    return format(value, ".9g") if isinstance(value, float) else str(value)


def _validate(rows: list, cls: type, path: Path | str, first_line: int) -> None:
    key = _key(cls)
    remedy = _stage_that_writes(Path(path))
    for line, (before, row) in enumerate(zip([None, *rows], rows, strict=False), first_line):
        where = f"{path}: line {line}: id {row[0]!r}"
        if row[0] == "":
            raise ValueError(f"{path}: line {line}: empty id; {remedy}")
        if before is not None and key(before) == key(row):
            raise ValueError(f"{where} stands twice; {remedy}")
        if before is not None and key(before) > key(row):
            raise ValueError(f"{where} is out of order (sort by id); {remedy}")
        for field, value in zip(cls._fields, row, strict=True):
            if isinstance(value, float) and not math.isfinite(value):
                raise ValueError(f"{where}: {field} is {value}; {remedy}")
            if field in ("start_seconds", "start_sample") and value < 0:
                raise ValueError(f"{where}: {field} is negative; {remedy}")
            if field == "duration_seconds" and value <= 0:
                raise ValueError(f"{where}: {field} must be positive; {remedy}")


def _stage_that_writes(path: Path) -> str:
    """The remedy: which stage makes this table."""
    if path.parent.name == "mixtures":
        return "stage 3 writes it: ./run.sh --stage 3 --stop-stage 3"
    stage = {
        "classes.csv": 0,
        "clips.csv": 0,
        "events.csv": 0,
        "forbidden_pairs.csv": 0,
        "rejected.csv": 1,
        "anchors.csv": 2,
        "sed_anchors.csv": 2,
        "results.csv": 7,
    }.get(path.name)
    if stage is None:
        return "the stage that writes it must run again"
    return f"stage {stage} writes it: ./run.sh --stage {stage} --stop-stage {stage}"
