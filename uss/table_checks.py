"""What the cells of a table may hold, and the order of its rows."""

import math
import re
import typing
from collections.abc import Callable, Sequence
from pathlib import Path

from uss.layout import stage_that_writes

MAX_SHOWN = 80  # characters of a cell in a message
NOT_NEGATIVE = ("start_seconds",)
MAX_SECONDS = 1e8  # three years
NAMES = ("name", "group", "labels", "system", "embedding", "package")
FILE_NAMES = ("mixture_id",)  # of folders of examples
UNPRINTABLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def validate(
    rows: list,
    cls: type,
    key: Callable[[tuple], tuple],
    path: Path | str,
    lines: Sequence[int] | None = None,
) -> None:
    """Check rows that were read or will be written.

    Args:
        key: the cells of a row that form its id.
        lines: of the file, where the rows were read; else they are to be written from line 2 on.

    Raises:
        ValueError: with file, line, id and remedy.
    """
    checked, named = [], []
    for position, (field, kind) in enumerate(typing.get_type_hints(cls).items()):
        if kind in (float, int):
            checked.append((field, position))
        elif field in NAMES or field.endswith(("path", "_id", "_anchor")):
            named.append((field, position))
    before = None
    for number, row in enumerate(rows):
        row_id = key(row)
        fault = _fault(row, checked) or _fault_of_names(row, named)
        fault = fault or _fault_of_order(before, row_id)
        if fault:
            shown = " ".join(map(str, row_id))[:MAX_SHOWN]
            line = number + 2 if lines is None else lines[number]
            raise ValueError(
                f"{path}: line {line}: id {shown!r} {fault}; {stage_that_writes(path)}"
            )
        before = row_id


def _fault_of_names(row: tuple, named: list[tuple[str, int]]) -> str | None:
    """Names stand in messages, in files with a name a line, and in names of files."""
    for field, position in named:
        value = row[position]
        if field.endswith("path"):  # a file may have any name
            if not value:
                return f"has an empty {field}"
            continue
        if UNPRINTABLE.search(value):
            return f"has {field} {value[:MAX_SHOWN]!r}, with a control character"
        if value != value.strip() and field != "labels":
            return f"has {field} {value[:MAX_SHOWN]!r}, with a space at its start or end"
        if field in FILE_NAMES and ("/" in value or value in (".", "..")):
            return f"has {field} {value[:MAX_SHOWN]!r}, which cannot be a file's name"
        if field == "class_id" and " " in value:
            return f"has {field} {value[:MAX_SHOWN]!r}, with a space (they are listed by spaces)"
    return None


def _fault_of_order(before: tuple | None, key: tuple) -> str | None:
    if "" in key:
        return "is empty"
    if before is not None and before == key:
        return "stands twice"
    if before is not None and before > key:
        return "is out of order (sort by id)"
    return None


def _fault(row: tuple, checked: list[tuple[str, int]]) -> str | None:
    """checked: the fields with numbers to check, and where they stand."""
    for field, position in checked:
        value = row[position]
        if not math.isfinite(value):
            return f"has {field} {value}, which is not finite"
        if value < 0 and (field in NOT_NEGATIVE or isinstance(value, int)):
            return f"has {field} {value}, which is negative"
        if field == "duration_seconds" and value <= 0:
            return f"has {field} {value}, which is not positive"
        if field.endswith("_seconds") and value > MAX_SECONDS:
            return f"has {field} {value}, which is beyond any recording"
    return None
