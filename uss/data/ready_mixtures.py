"""What stage 0 of a recipe that measures ready mixtures shares: data/recordings.csv, and the clips
of each class that queries are made of."""

import logging
from pathlib import Path

from uss.audio import BadAudio
from uss.data.folder_tables import duration
from uss.tables import ClassRow, Clip, read_table

MAX_NAMED = 10  # files of a warning

logger = logging.getLogger(__name__)


def folder_of(path: Path | str | None, source: str) -> Path:
    """An absolute folder. Raises ValueError, with where the set is published, where there is none.

    Args:
        path: null where nobody has said.
        source: a sentence.
    """
    if path is None:
        raise ValueError(f"data.yaml does not say where the audio is: --set data.audio=; {source}")
    if not Path(path).is_dir():
        raise ValueError(f"{path} is no folder; {source}")
    return Path(path).absolute()


def report_missing(missing: list[str], of: str) -> None:
    """One line where files are missing; what needs them is left out."""
    if missing:
        named = ", ".join(missing[:MAX_NAMED]) + (", ..." if len(missing) > MAX_NAMED else "")
        logger.warning(
            "left out: %s, of which %d files are missing: %s; unpack the set again, or go on "
            "without them",
            *(of, len(missing), named),
        )


def given_classes(conf: Path) -> list[ClassRow]:
    """conf/classes.csv, which stage 0 copies."""
    return read_table(conf / "classes.csv", ClassRow)


def query_clip(clip_id: str, path: Path, class_id: str, seconds: float | None = None) -> Clip:
    """A recording of a class, or that many seconds from its middle.

    Raises ValueError where it is no audio.
    """
    try:
        whole = duration(path)
    except BadAudio as error:
        raise ValueError(f"{path}: {error}; unpack the set again") from None
    length = whole if seconds is None else min(seconds, whole)
    return Clip(clip_id, str(path), (whole - length) / 2, length, class_id, clip_id)
