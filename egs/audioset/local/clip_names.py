"""YouTube ids in the names of AudioSet's files, as public downloaders write them.

An id has exactly 11 characters; 15 % of AudioSet's ids hold a `_` and 2 % begin with a `-`, so a
name is never split at them. Where a name can be read in several ways, AudioSet's lists decide.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

# What stage 1 decodes; of a clip's files in a folder, the first one is preferred.
AUDIO_SUFFIXES = (
    *(".wav", ".flac", ".w64", ".rf64", ".aif", ".aiff", ".caf", ".au"),
    *(".ogg", ".oga", ".opus", ".mp3", ".m4a", ".aac", ".mka", ".webm", ".mp4", ".mkv", ".mov"),
)

ID = r"[A-Za-z0-9_-]{11}"
NUMBER = r"\d+(?:\.\d+)?"
TIMES = rf"(?:[_-]\[?(?P<start>{NUMBER})(?:[_-]{NUMBER}){{0,2}}\]?)?"  # start, end, seconds
PLAIN = re.compile(rf"(?P<clip_id>{ID}){TIMES}")
BRACKETED = re.compile(rf".*\[(?P<clip_id>{ID})\]{TIMES}", re.DOTALL)
AFTER_WORDS = re.compile(rf"(?<=[_ .-])(?P<clip_id>{ID}){TIMES}")  # of a title or a class
NEAR_SECONDS = 0.005


class ClipName(NamedTuple):
    clip_id: str
    start: float | None  # as the name has it: seconds or milliseconds


def parse(name: str) -> ClipName | None:
    """A name's first reading: `Y<id>`, `id_<id>`, `<id>` or `<words>[<id>]`, then perhaps
    `_<start>`, `_<start>_<end>` or `-[<start>-<end>]`, then the suffix of a sound.
    """
    return next(readings(name, certain=True), None)


def readings(name: str, certain: bool = False) -> Iterator[ClipName]:
    """Every way to read a name; those that are not certain need a list that names the id."""
    stem, dot, suffix = name.rpartition(".")
    if dot + suffix.lower() not in AUDIO_SUFFIXES:
        return
    matches = [BRACKETED.fullmatch(stem)]
    matches += [PLAIN.fullmatch(stem, len(p)) for p in ("id_", "Y", "") if stem.startswith(p)]
    if not certain:
        matches += [AFTER_WORDS.fullmatch(stem, start) for start in range(1, len(stem))]
    for match in matches:
        if match is not None:
            start = match["start"]
            yield ClipName(match["clip_id"], None if start is None else float(start))


def is_id(text: str) -> bool:
    return re.fullmatch(ID, text) is not None


def starts_at(name: ClipName, start_seconds: float) -> bool:
    """Whether the start in a name, if it has one, is this one (whole seconds may be rounded)."""
    if name.start is None:
        return True
    candidates = (name.start, name.start / 1000)
    near = any(abs(start - start_seconds) < NEAR_SECONDS for start in candidates)
    return near or name.start in (int(start_seconds), round(start_seconds))
