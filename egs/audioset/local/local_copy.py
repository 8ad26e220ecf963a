"""A local copy of AudioSet: folders of files that are named by their YouTube ids."""

import logging
import os
from collections import Counter
from pathlib import Path

from uss.tables import Surplus

from .audio_sources import TWICE, Found, find_segment
from .clip_names import AUDIO_SUFFIXES
from .segments import Segment

NO_CLIPS = "lost+found"  # of a disk: only root may look into it
NUM_SUFFIXES = 5

logger = logging.getLogger(__name__)


def audio_files(folders: list[str]) -> list[str]:
    """Every audio file of the folders and their subfolders, hidden ones excepted.

    Links are followed, but each folder is searched once, by whatever name it is found first.

    Raises:
        ValueError: a folder that is not there, or that cannot be read.
    """
    files: list[str] = []
    others: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()
    for folder in folders:
        if not Path(folder).is_dir():
            raise ValueError(
                f"{folder} is no folder: name the folders of your AudioSet clips in "
                "data.local.folders, or choose another data.source"
            )
        waiting = [folder]
        while waiting:
            here, subfolders = search(waiting.pop(), seen, others)
            files += here
            waiting += reversed(subfolders)  # the first one is next
    if others:
        named = ", ".join(f"{number} {kind}" for kind, number in others.most_common(NUM_SUFFIXES))
        logger.info("%d files hold no audio: %s", others.total(), named)
    return files


def search(
    folder: str, seen: set[tuple[int, int]], others: Counter[str]
) -> tuple[list[str], list[str]]:
    """A folder's audio files, the preferred ones first, and its subfolders, sorted.

    seen: device and inode of the folders that were searched; others: counts what is no audio.
    """
    names, subfolders = [], []
    try:
        stat = os.stat(folder)
        if (stat.st_dev, stat.st_ino) in seen:
            return [], []
        seen.add((stat.st_dev, stat.st_ino))
        with os.scandir(folder) as entries:
            for entry in entries:
                if entry.name.startswith(".") or entry.name == NO_CLIPS:
                    continue
                kind = kind_of(entry)
                if kind == "folder":
                    subfolders.append(entry.path)
                elif kind != "file":
                    others["links that lead nowhere"] += 1
                elif entry.name.lower().endswith(AUDIO_SUFFIXES):
                    names.append(entry.name)
                else:
                    others[os.path.splitext(entry.name)[1] or "without a suffix"] += 1
    except OSError as error:
        raise ValueError(
            f"{shown(folder)} cannot be searched for clips ({error.strerror}): make it readable, "
            "or name the folders beside it in data.local.folders"
        ) from None
    files = [os.path.join(folder, name) for name in sorted(names, key=preference)]
    return files, sorted(subfolders)


def kind_of(entry: os.DirEntry) -> str | None:
    """Of what a link leads to; None where it leads to nothing, to itself, or to a device."""
    try:
        return "folder" if entry.is_dir() else "file" if entry.is_file() else None
    except OSError:
        return None


def preference(name: str) -> tuple[int, str]:
    return AUDIO_SUFFIXES.index(os.path.splitext(name)[1].lower()), name


def find(files: list[str], segments: dict[str, Segment]) -> Found:
    """The file of each segment's clip, and what is left over."""
    paths: dict[str, str] = {}
    surplus = []
    for file in dict.fromkeys(files):
        segment = find_segment(os.path.basename(file), segments)
        if isinstance(segment, str):
            reason = segment
        elif shown(file) != file:
            reason = "the path is not UTF-8: rename it, or name its folder by a link"
        elif segment.clip_id in paths:
            reason = f"{TWICE}{paths[segment.clip_id]}"
        else:
            paths[segment.clip_id] = file
            continue
        surplus.append(Surplus(shown(file), reason))
    return Found(paths, {}, surplus)


def shown(path: str) -> str:
    """A path as tables can hold it: bytes that are not UTF-8 as `\\xe9`."""
    return os.fsencode(path).decode(errors="backslashreplace")
