"""AudioSet's own lists of segments: three comment lines, then `id, start, end, "mid,mid"`."""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from uss.labels import Classes
from uss.text_files import read_text

from .clip_names import is_id

SECONDS = re.compile(r"[0-9]{1,7}(\.[0-9]{0,9})?")
NUM_SEGMENTS = re.compile(r"num_segs=([0-9]{1,9})\b")


class Segment(NamedTuple):
    """A labelled stretch of a YouTube video; a video has one in the whole of AudioSet."""

    clip_id: str  # the video's id
    start_seconds: float
    end_seconds: float
    labels: str  # class_ids in the classes' order, by spaces
    file: str  # the list's name without suffix

    @property
    def duration_seconds(self) -> float:
        return self.end_seconds - self.start_seconds


def read_segments(paths: list[Path], classes: Classes) -> list[Segment]:
    """The segments of several lists, sorted by id.

    Raises:
        ValueError: with file and line, for a row that is malformed or a list that is cut short.
    """
    segments: dict[str, Segment] = {}
    for path in paths:
        for line, segment in read_list(path, classes):
            if segment.clip_id in segments:
                raise ValueError(f"{path}: line {line}: id {segment.clip_id} stands twice")
            segments[segment.clip_id] = segment
    return [segments[clip_id] for clip_id in sorted(segments)]


def read_list(path: Path, classes: Classes) -> Iterator[tuple[int, Segment]]:
    """(line, segment) of one list; at its end, their number against the one that it states."""
    stated, found = None, 0
    text_of_list = read_text(path, "remove it and get it again")
    for line, text in enumerate(io.StringIO(text_of_list), start=1):
        if text.startswith("#"):
            match = NUM_SEGMENTS.search(text)
            stated = int(match[1]) if match else stated
        elif text.strip():
            yield line, parse_row(text, path, line, classes)
            found += 1
    if found != (found if stated is None else stated) or found == 0:
        raise ValueError(
            f"{path} holds {found} segments, its header says {stated}; remove it and get it again"
        )


def seconds(cell: str) -> float:
    """A time below ten million seconds. float() takes nan, 1_000, and digits of all scripts."""
    if not SECONDS.fullmatch(cell.strip()):
        raise ValueError
    return float(cell)


def parse_row(text: str, path: Path, line: int, classes: Classes) -> Segment:
    found = text.strip()[:200]
    try:
        cells = next(csv.reader([text], skipinitialspace=True, strict=True))
        clip_id, start, end = cells[0], seconds(cells[1]), seconds(cells[2])
        (mids,) = cells[3:]
    except (IndexError, ValueError, csv.Error):
        raise ValueError(
            f'{path}: line {line}: expected `id, start, end, "mid,mid"`, found {found!r}; '
            "it must be AudioSet's own file: remove it and get it again"
        ) from None
    if not is_id(clip_id) or not 0 <= start < end:
        raise ValueError(f"{path}: line {line}: {found!r} names no segment of a video")
    unknown = [mid for mid in mids.split(",") if mid not in classes]
    if unknown:
        raise ValueError(f"{path}: line {line}: {unknown[0]!r} is none of AudioSet's 527 classes")
    labels = sorted(set(mids.split(",")), key=classes.index)
    return Segment(clip_id, start, end, " ".join(labels), path.stem)
