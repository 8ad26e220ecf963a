"""Names of outputs: what a disk takes, and what a page or a log can show."""

import hashlib
import os
import re
import unicodedata
from pathlib import Path

from uss.temporaries import MAX_BYTES, shortened

SOUND_BYTES = 80  # of a name, for the sound; the rest is the recording's
PICTURE = ".png"


def readable(name: object) -> str:
    """Text that UTF-8 holds: of a file's name, bytes that are none are shown as \\xe9."""
    return os.fsencode(str(name)).decode("utf-8", "backslashreplace")


def digits(name: str) -> str:
    """Six that stand for a name."""
    return hashlib.sha256(os.fsencode(name)).hexdigest()[:6]


def stem_of(path: Path) -> str:
    """The name without suffix; "...wav" keeps it, since ".." is another folder."""
    return path.stem if path.stem.strip(".") else path.name


def picture_name(path: Path) -> str:
    """Of the input's spectrogram."""
    return shortened(stem_of(path), MAX_BYTES - len(PICTURE)) + PICTURE


def output_names(path: Path, sounds: list[str], format: str = "wav") -> dict[str, str]:
    """Sound -> "<recording>_<sound>.<format>", unique and no longer than a disk takes.

    Raises:
        ValueError: two sounds of one name.
    """
    result: dict[str, str] = {}
    for sound in sounds:
        if sound in result:
            raise ValueError(f"two queries are named {sound!r}: rename one example file")
        letters = unicodedata.normalize("NFC", readable(sound)).lower()
        slug = shortened(re.sub(r"\W+", "_", letters).strip("_") or "sound", SOUND_BYTES)
        room = MAX_BYTES - len(f"_.{format}") - len(slug.encode())
        name = f"{shortened(stem_of(path), room)}_{slug}.{format}"
        if name in result.values():
            slug = shortened(slug, SOUND_BYTES - 7) + f"_{digits(sound)}"
            name = f"{shortened(stem_of(path), room - 7)}_{slug}.{format}"
        result[sound] = name
    return result
