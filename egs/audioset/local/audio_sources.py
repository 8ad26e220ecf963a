"""What a source of audio holds of the clips that AudioSet's lists name."""

from collections import defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from uss.tables import Surplus

from .clip_names import parse, readings, starts_at
from .segments import Segment

NUM_EXAMPLES = 3
TWICE = "the clip is "  # the file or row that is used


class Found(NamedTuple):
    """paths: clip_id -> file; rows: clip_id -> row in it, of packed files only."""

    paths: dict[str, str]
    rows: dict[str, int]
    surplus: list[Surplus]


def find_segment(name: str, segments: Mapping[str, Segment]) -> Segment | str:
    """The segment that a file's name stands for, or the reason why there is none."""
    named = [reading for reading in readings(name) if reading.clip_id in segments]
    for reading in named:
        if starts_at(reading, segments[reading.clip_id].start_seconds):
            return segments[reading.clip_id]
    if named:
        return "another stretch of the video"
    if parse(name) is None:
        return "the name holds no YouTube id"
    return "the lists do not name the clip"


def summary(surplus: list[Surplus]) -> list[str]:
    """A line for each reason: how many, and a few of them."""
    items = defaultdict(list)
    for row in surplus:
        reason = "the clip is there already" if row.reason.startswith(TWICE) else row.reason
        items[reason].append(row.item)
    return [
        f"{reason}: {len(of_reason)}, such as {', '.join(of_reason[:NUM_EXAMPLES])}"
        for reason, of_reason in sorted(items.items(), key=lambda pair: -len(pair[1]))
    ]
