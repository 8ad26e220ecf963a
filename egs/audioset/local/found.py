"""What a source of audio holds of the clips that AudioSet's lists name."""

from typing import NamedTuple


class Surplus(NamedTuple):
    """surplus.csv: audio that is not used."""

    item: str  # a file, or a row of a packed file
    reason: str


class Missing(NamedTuple):
    """missing.csv of a split: clips without audio."""

    clip_id: str
    reason: str


class Found(NamedTuple):
    """paths: clip_id -> file; rows: clip_id -> row in it, of packed files only."""

    paths: dict[str, str]
    rows: dict[str, int]
    surplus: list[Surplus]
