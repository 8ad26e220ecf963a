"""The recipe's tables: CSV with a header, sorted by id, validated by writer and reader alike."""

import csv
import io
import operator
import re
import typing
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple, TypeVar

from uss.files import write_text
from uss.layout import stage_that_writes
from uss.table_checks import MAX_SHOWN, validate
from uss.text_files import read_text


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


class Missing(NamedTuple):
    """missing.csv of a split: clips that the data set's lists name, and that have no audio."""

    clip_id: str
    reason: str


class Surplus(NamedTuple):
    """surplus.csv: audio that is there and not used."""

    item: str  # a file, or a row of a packed file
    reason: str


class Anchor(NamedTuple):
    """anchors.csv; `score` is the detector's probability at the anchor, 1 for true times, and the
    level in dBFS of a loudest stretch."""

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


class Recording(NamedTuple):
    """recordings.csv: a ready mixture of any length, and one of its references; `path` is the
    reference's. Paths are absolute or relative to the recipe."""

    mixture_id: str
    mixture_path: str
    path: str
    class_id: str
    group: str


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


class FramesResult(NamedTuple):
    """frames_*.csv: the median of museval's SDR over frames of 1 s, in dB."""

    system: str
    embedding: str
    mixture_id: str
    class_id: str
    museval_sdr: float


Row = TypeVar("Row", bound=NamedTuple)
INTEGER = re.compile(r"-?[0-9]{1,18}")
# The leading columns that form the id; one elsewhere.
KEY_LENGTH: dict[type, int] = {Result: 3, FramesResult: 3}


def write_table(path: Path | str, rows: Iterable[Row], cls: type[Row]) -> None:
    """Write rows sorted by id, atomically. Raises ValueError as `read_table` would."""
    rows = sorted(rows, key=_key(cls))
    validate(rows, cls, _key(cls), path)
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
    remedy = stage_that_writes(path)
    lines, rows = _read(path, cls, remedy)
    validate(rows, cls, _key(cls), path, lines)
    return rows


def read_rows(path: Path | str, cls: type[Row], remedy: str) -> list[Row]:
    """The rows of a table in any order, without an id of its own. Raises as `read_table`."""
    return _read(path, cls, remedy)[1]


def _read(path: Path | str, cls: type[Row], remedy: str) -> tuple[list[int], list[Row]]:
    """(line in which each row begins, the rows). Lines end as they may; empty ones say nothing."""
    text = read_text(path, remedy)
    lines = _lines(csv.reader(io.StringIO(text, newline=""), strict=True), path, remedy)
    _, header = next(lines, (0, []))
    if header != list(cls._fields):
        found = ",".join(header)[:MAX_SHOWN]
        raise ValueError(
            f"{path}: line 1: the header must be {','.join(cls._fields)}, with commas and without "
            f"spaces, not {found!r}"
        )
    types = typing.get_type_hints(cls)
    kinds = [READERS[kind] for kind in types.values()]
    numbers, rows = [], []
    for first, cells in lines:
        if not cells or (len(cells) == 1 and not cells[0].strip()):
            continue
        try:
            values = [kind(cell) for kind, cell in zip(kinds, cells, strict=True)]
        except ValueError:
            raise ValueError(
                f"{path}: line {first}: id {cells[0][:MAX_SHOWN]!r} {_misfit(cells, types)}; "
                f"{remedy}"
            ) from None
        numbers.append(first)
        rows.append(cls(*values))
    return numbers, rows


def _lines(reader: typing.Any, path: Path | str, remedy: str) -> Iterator[tuple[int, list[str]]]:
    """(line in which it begins, cells) of each row."""
    while True:
        first = reader.line_num + 1
        try:
            yield first, next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise ValueError(
                f"{path}: line {first}: not CSV ({error}: is a quote missing?); {remedy}"
            ) from None


def _integer(cell: str) -> int:
    """Decimal digits that fit 64 bits: int() takes 1_000, and digits of all scripts."""
    if not INTEGER.fullmatch(cell):
        raise ValueError
    return int(cell)


def _float(cell: str) -> float:
    if "_" in cell or not cell.isascii():
        raise ValueError
    return float(cell)


def _bool(cell: str) -> bool:
    if cell not in ("0", "1"):
        raise ValueError
    return cell == "1"


READERS: dict[type, typing.Callable[[str], typing.Any]] = {
    **{str: str, int: _integer, float: _float, bool: _bool}
}


def _misfit(cells: list[str], types: dict[str, type]) -> str:
    if len(cells) != len(types):
        return f"has {len(cells)} columns, expected {len(types)}"
    for (field, kind), cell in zip(types.items(), cells, strict=True):
        try:
            READERS[kind](cell)
        except ValueError:
            expected = "0 or 1" if kind is bool else kind.__name__
            return f"has {field} {cell[:MAX_SHOWN]!r}, expected {expected}"
    raise AssertionError("the cells fit")


def _key(cls: type) -> typing.Callable:
    return operator.itemgetter(slice(KEY_LENGTH.get(cls, 1)))


def _text(value: object) -> str:
    return format(value, ".9g") if isinstance(value, float) else str(value)
