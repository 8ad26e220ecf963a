"""YouTube ids in the names of AudioSet's files.

An id has exactly 11 characters; 15 % of AudioSet's ids hold a `_` and 2 % begin with a `-`, so a
name is never split: it is matched from its start.
"""

import re
from typing import NamedTuple

AUDIO_SUFFIXES = (".wav", ".flac", ".mp3", ".m4a")  # of a clip's files, the first one is preferred

ID = r"[A-Za-z0-9_-]{11}"
NAME = re.compile(rf"Y?(?P<clip_id>{ID})(?:_(?P<start>\d+(?:\.\d+)?)(?:_\d+(?:\.\d+)?)?)?")
NEAR_SECONDS = 0.005


class ClipName(NamedTuple):
    clip_id: str
    start: float | None  # as the name has it: seconds or milliseconds


def parse(name: str) -> ClipName | None:
    """`Y<id>`, `<id>`, `<id>_<start>` or `<id>_<start>_<end>`, each with an audio suffix."""
    stem, dot, suffix = name.rpartition(".")
    match = NAME.fullmatch(stem)
    if match is None or dot + suffix.lower() not in AUDIO_SUFFIXES:
        return None
    start = match["start"]
    return ClipName(match["clip_id"], None if start is None else float(start))


def is_id(text: str) -> bool:
    return re.fullmatch(ID, text) is not None


def starts_at(name: ClipName, start_seconds: float) -> bool:
    """Whether the start in a name, if it has one, is this one (whole seconds may be rounded)."""
    if name.start is None:
        return True
    candidates = (name.start, name.start / 1000)
    near = any(abs(start - start_seconds) < NEAR_SECONDS for start in candidates)
    return near or name.start in (int(start_seconds), round(start_seconds))
