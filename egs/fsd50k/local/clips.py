"""The clips of the ground truth with their audio, as tables."""

import logging
import os
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from uss.audio import BadAudio
from uss.data.folder_tables import duration, windows
from uss.labels import audioset_ancestors
from uss.tables import Clip, Missing, Surplus

from .ground_truth import Row
from .hierarchy import most_specific
from .uploaders import splits_of_groups

FOLDERS = {"train": "FSD50K.dev_audio", "dev": "FSD50K.dev_audio", "eval": "FSD50K.eval_audio"}

logger = logging.getLogger(__name__)


class Tables(NamedTuple):
    """clips, missing: by split."""

    clips: dict[str, list[Clip]]
    missing: dict[str, list[Missing]]
    surplus: list[Surplus]


def audio_files(folder: Path) -> list[Path]:
    """What lies in FSD50K's two folders of audio, sorted. Raises ValueError where there is none."""
    files = []
    for name in sorted(set(FOLDERS.values())):
        if not (folder / name).is_dir():
            raise ValueError(
                f"{folder / name} is no folder: name the one that holds FSD50K.dev_audio, "
                "FSD50K.eval_audio and FSD50K.ground_truth in data.folder, or choose another "
                "data.source"
            )
        files += [folder / name / file for file in sorted(os.listdir(folder / name))]
    return files


def find_clips(
    rows: list[Row],
    groups: dict[str, str],
    class_ids: list[str],
    folder: Path,
    files: list[Path],
    clip_seconds: float,
) -> Tables:
    """Windows of the clips that have audio, and what is left over on either side.

    Args:
        groups: fname -> group.
        class_ids: of the recipe, in order.
        files: of `audio_files`.
    """
    tables = Tables(defaultdict(list), defaultdict(list), [])
    split_of, ancestors = splits_of_groups(rows, groups), audioset_ancestors()
    there, num_divided = set(files), 0
    for fname, labels, split in tqdm(rows, desc="clips", unit="clip", disable=None):
        path, group = folder / FOLDERS[split] / f"{fname}.wav", groups[fname]
        split = split if split == "eval" else split_of[group]
        specific = most_specific(set(labels) & set(class_ids), ancestors)
        seconds, reason = length(path) if path in there else (0.0, "no file of this name")
        there.discard(path)
        if reason or not specific:
            reason = reason or "data.left_out has all of its labels"
            tables.missing[split].append(Missing(fname, reason))
            continue
        ordered = " ".join(class_id for class_id in class_ids if class_id in specific)
        clips = windows(Clip(fname, str(path), 0.0, seconds, ordered, group), clip_seconds)
        num_divided += len(clips) > 1
        tables.clips[split] += clips
    for path in sorted(there):
        tables.surplus.append(Surplus(str(path), "the ground truth does not name it"))
    logger.info("%d clips are longer than %g s and were divided", num_divided, clip_seconds)
    return tables


def length(path: Path) -> tuple[float, str]:
    """Seconds, and why the file cannot be used, where it cannot."""
    try:
        seconds = duration(path)
    except BadAudio as error:
        return 0.0, str(error)
    return seconds, "" if seconds else "no samples"
