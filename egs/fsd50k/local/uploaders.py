"""Who uploaded a clip to Freesound: the clips of an uploader are a group, on one side of the split.

Sounds of one uploader often come from one place, instrument or recorder. FSD50K's development and
evaluation sets share no uploader; its split of the development set may, and is then mended.
"""

import logging
from collections import Counter, defaultdict
from pathlib import Path

from uss.writing import read_json

from .ground_truth import Row

logger = logging.getLogger(__name__)


def info_paths(folder: Path) -> list[Path]:
    """FSD50K.metadata's files about the clips that are there."""
    paths = [folder / f"{name}_clips_info_FSD50K.json" for name in ("dev", "eval")]
    return [path for path in paths if path.exists()]


def read_groups(paths: list[Path], rows: list[Row]) -> dict[str, str]:
    """fname -> its uploader; the fname itself where none is known. Raises ValueError, naming the
    file, where it is no table of clips."""
    uploaders: dict[str, str] = {}
    for path in paths:
        for fname, info in read_json(path).items():
            uploader = info.get("uploader") if isinstance(info, dict) else None
            if not isinstance(uploader, str):
                raise ValueError(f"{path}: clip {fname!r} has no uploader; unpack it again")
            uploaders[fname] = " ".join(uploader.split())
    groups = {row.fname: uploaders.get(row.fname) or row.fname for row in rows}
    num_unknown = sum(not uploaders.get(row.fname) for row in rows)
    if num_unknown:
        logger.warning(
            "the uploaders of %d of %d clips are not known: each of these is a group of its own, "
            "though others may be of the same uploader; FSD50K.metadata names them",
            *(num_unknown, len(rows)),
        )
    return groups


def splits_of_groups(rows: list[Row], groups: dict[str, str]) -> dict[str, str]:
    """group -> split: of an uploader with clips to train and to develop, where most of them are.

    Evaluation stays as it is published; stage 0's check refuses a group that it shares.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counts[groups[row.fname]][row.split] += 1
    both = [count for count in counts.values() if count["train"] and count["dev"]]
    num_moved = sum(min(count["train"], count["dev"]) for count in both)
    if both:
        logger.info(
            "%d uploaders have clips in train and in val of dev.csv: %d clips go to the side where "
            "their uploader has more",
            *(len(both), num_moved),
        )
    return {group: "dev" if c["dev"] > c["train"] else "train" for group, c in counts.items()}
