"""The recipe's tables: CSV with a header, sorted by id, validated by writer and reader alike."""

import csv
import io
import math
import operator
import typing
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple, TypeVar

from uss.files import stage_that_writes, write_text


class ClassRow(NamedTuple):
    """classes.csv; class_id is AudioSet's mid."""

    index: int  # type: ignore[assignment]  # it hides tuple.index, which nobody calls
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


class PackedRow(NamedTuple):
    """packed.csv: the row of a clip in the HDF5 file that is its path in clips.csv."""

    clip_id: str
    row: int


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
KEY_LENGTH: dict[type, int] = {Result: 3}  # the leading columns that form the id; one elsewhere


def write_table(path: Path | str, rows: Iterable[Row], cls: type[Row]) -> None:
    """Write rows sorted by id, atomically. Raises ValueError as `read_table` would."""
    rows = sorted(rows, key=_key(cls))
    _validate(rows, cls, path)
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(cls._fields)
    has_floats = float in typing.get_type_hints(cls).values()
    writer.writerows(([_text(value) for value in row] for row in rows) if has_floats else rows)
    write_text(path, buffer.getvalue())


def read_table(path: Path | str, cls: type[Row]) -> list[Row]:
    """Read and validate a table.

    Raises:
        ValueError: with file, line, id and remedy.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path} is missing; {stage_that_writes(path)}")
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = _read_rows(csv.reader(file), cls, path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: not CSV in UTF-8 ({error}); {stage_that_writes(path)}") from None
    _validate(rows, cls, path)
    return rows


def _read_rows(reader: typing.Any, cls: type[Row], path: Path) -> list[Row]:
    if next(reader, []) != list(cls._fields):
        raise ValueError(f"{path}: line 1: the header must be {','.join(cls._fields)}")
    types = typing.get_type_hints(cls)
    rows = []
    for cells in reader:
        try:
            values = [kind(cell) for kind, cell in zip(types.values(), cells, strict=True)]
        except ValueError:
            raise ValueError(
                f"{path}: line {reader.line_num}: id {cells[0] if cells else ''!r} "
                f"{_misfit(cells, types)}; {stage_that_writes(path)}"
            ) from None
        rows.append(cls(*values))
    return rows


def _misfit(cells: list[str], types: dict[str, type]) -> str:
    if len(cells) != len(types):
        return f"has {len(cells)} columns, expected {len(types)}"
    for (field, kind), cell in zip(types.items(), cells, strict=True):
        try:
            kind(cell)
        except ValueError:
            return f"has {field} {cell!r}, expected {kind.__name__}"
    raise AssertionError("the cells fit")


def _key(cls: type) -> typing.Callable:
    return operator.itemgetter(slice(KEY_LENGTH.get(cls, 1)))


def _text(value: object) -> str:
    return format(value, ".9g") if isinstance(value, float) else str(value)


def _validate(rows: list, cls: type, path: Path | str) -> None:
    key = _key(cls)
    checked = [
        (field, position)
        for position, (field, kind) in enumerate(typing.get_type_hints(cls).items())
        if kind is float or field == "start_sample"
    ]
    before = None
    for line, row in enumerate(rows, start=2):
        row_id = key(row)
        fault = _fault(row, checked) or _fault_of_order(before, row_id)
        if fault:
            shown = " ".join(map(str, row_id))
            raise ValueError(
                f"{path}: line {line}: id {shown!r} {fault}; {stage_that_writes(path)}"
            )
        before = row_id


def _fault_of_order(before: tuple | None, key: tuple) -> str | None:
    if "" in key:
        return "is empty"
    if before is not None and before == key:
        return "stands twice"
    if before is not None and before > key:
        return "is out of order (sort by id)"
    return None


def _fault(row: NamedTuple, checked: list[tuple[str, int]]) -> str | None:
    """checked: the fields with numbers to check, and where they stand."""
    for field, position in checked:
        value = row[position]
        if not math.isfinite(value):
            return f"has {field} {value}, which is not finite"
        if field in ("start_seconds", "start_sample") and value < 0:
            return f"has {field} {value}, which is negative"
        if field == "duration_seconds" and value <= 0:
            return f"has {field} {value}, which is not positive"
    return None
