"""A local copy of AudioSet: folders of files that are named by their YouTube ids."""

import os
from pathlib import Path

from clip_names import AUDIO_SUFFIXES, parse, starts_at
from found import Found, Surplus
from segments import Segment


def audio_files(folders: list[str]) -> list[str]:
    """Every audio file of the folders and their subfolders, hidden ones excepted.

    Raises:
        ValueError: a folder that is not there.
    """
    files = []
    for folder in folders:
        if not Path(folder).is_dir():
            raise ValueError(
                f"{folder} is no folder: name the folders of your AudioSet clips in "
                "data.local.folders, or choose another data.source"
            )
        for parent, subfolders, names in os.walk(folder, followlinks=True):
            subfolders[:] = sorted(name for name in subfolders if not name.startswith("."))
            here = [name for name in names if is_audio(name)]
            files += [os.path.join(parent, name) for name in sorted(here, key=preference)]
    return files


def is_audio(name: str) -> bool:
    return name.lower().endswith(AUDIO_SUFFIXES) and not name.startswith(".")


def preference(name: str) -> tuple[int, str]:
    return AUDIO_SUFFIXES.index(os.path.splitext(name)[1].lower()), name


def find(files: list[str], segments: dict[str, Segment]) -> Found:
    """The file of each segment's clip, and what is left over."""
    paths: dict[str, str] = {}
    surplus = []
    for file in dict.fromkeys(files):
        name = parse(os.path.basename(file))
        if name is None:
            reason = "the name holds no YouTube id"
        elif name.clip_id not in segments:
            reason = "the lists do not name the clip"
        elif not starts_at(name, segments[name.clip_id].start_seconds):
            reason = "another stretch of the video"
        elif name.clip_id in paths:
            reason = f"the clip is {paths[name.clip_id]}"
        else:
            paths[name.clip_id] = file
            continue
        surplus.append(Surplus(file, reason))
    return Found(paths, {}, surplus)
