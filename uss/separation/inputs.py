"""Recordings to separate: the files of folders, and a folder of outputs for each."""

import os
import unicodedata
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from uss.separation.names import digits, readable, stem_of
from uss.temporaries import MAX_BYTES, shortened

AUDIO_SUFFIXES = {
    ".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".w64", ".rf64", ".caf", ".au",
    ".m4a", ".mp4", ".aac", ".webm", ".mka", ".mkv", ".mov",
}  # fmt: skip


class Plan(NamedTuple):
    """folders: input file -> folder of its outputs. refused: what could not be looked into, or
    holds nothing, and why."""

    folders: dict[Path, Path]
    refused: dict[Path, str]


def files_below(
    folder: Path, refused: dict[Path, str], leave_out: Path | None = None
) -> list[Path]:
    """The files of a folder and those below it, sorted.

    Hidden files and folders are left out, and what lies in `leave_out`. Links are followed. A
    folder that is reached in two ways counts once, by the way without links where there is one: so
    links that lead in a circle come to an end.

    Args:
        refused: takes the folders that cannot be read.
    """
    seen = set()
    if leave_out is not None and leave_out.is_dir():
        seen.add(_identity(leave_out))
    found: list[Path] = []
    linked = [folder]
    while linked:
        inside = [linked.pop(0)]
        while inside:
            here = inside.pop(0)
            try:
                identity = _identity(here)
                entries = [] if identity in seen else sorted(os.scandir(here), key=lambda e: e.name)
            except OSError as error:
                refused[here] = error.strerror or str(error)
                continue
            seen.add(identity)
            for entry in entries:
                path = here / entry.name
                if entry.name.startswith("."):
                    continue
                if os.path.isdir(path):
                    (linked if entry.is_symlink() else inside).append(path)
                elif os.path.isfile(path) or not os.path.exists(path):  # a link to nothing is told
                    found.append(path)
    return sorted(found)


def _identity(folder: Path) -> tuple[int, int]:
    stat = folder.stat()
    return stat.st_dev, stat.st_ino


def plan(inputs: list[Path], output: Path) -> Plan:
    """Where each input goes: the outputs mirror the tree of an input folder.

    Where files of a folder differ in their suffix only, the suffix stays in the name; where they
    still differ in case or in how accents are written only, which some disks do not tell apart, six
    digits that stand for the name are added to all but the first.

    Raises:
        ValueError: two inputs for one folder.
    """
    found: list[tuple[Path, Path]] = []  # (file, path below the output)
    refused: dict[Path, str] = {}
    for path in dict.fromkeys(inputs):
        if os.path.isdir(path):
            files = files_below(path, refused, output)
            files = [file for file in files if file.suffix.lower() in AUDIO_SUFFIXES]
            found += [(file, file.relative_to(path)) for file in files]
            if not files and path not in refused:
                is_output = os.path.exists(output) and os.path.samefile(path, output)
                refused[path] = (
                    "the outputs go there, and are no inputs: name another --output"
                    if is_output
                    else "no audio files in this folder"
                )
        else:
            found.append((path, Path(path.name)))
    found = list(dict.fromkeys(found))
    stems = [below.with_name(stem_of(below)) for _, below in found]
    count = Counter(stems)
    folders: dict[Path, Path] = {}
    origin: dict[Path, Path] = {}  # folder -> its file
    taken: dict[str, Path] = {}  # as a disk may see it -> as it is
    for (file, below), stem in zip(found, stems, strict=True):
        folder = output / (stem if count[stem] == 1 else below)
        if origin.setdefault(folder, file) != file:
            raise ValueError(
                f"{readable(file)} and another input would both be written to {readable(folder)}; "
                "separate them in two calls with an --output each"
            )
        if taken.setdefault(_as_seen(folder), folder) != folder:
            name = shortened(folder.name, MAX_BYTES - 7)
            folder = folder.with_name(f"{name}-{digits(str(below))}")
        folders[file] = folder
    return Plan(folders, refused)


def _as_seen(folder: Path) -> str:
    return unicodedata.normalize("NFC", str(folder)).casefold()
