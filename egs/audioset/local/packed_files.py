"""Clips in the HDF5 files of audioset_tagging_cnn or bytedance/uss, used where they are."""

import glob
from pathlib import Path

from uss.data.packed_clips import PackedClips
from uss.labels import Classes
from uss.tables import Surplus

from .audio_sources import TWICE, Found, find_segment
from .segments import Segment

ROWS_AT_A_TIME = 10000  # of targets: 5 MB


def packed_files(patterns: list[str]) -> list[Path]:
    """Raises ValueError where a pattern matches no file."""
    files = []
    for pattern in patterns:
        matches = sorted(glob.glob(pattern))
        if not matches:
            raise ValueError(
                f"no file matches {pattern}: name the HDF5 files of your packed AudioSet in "
                "data.packed.files, or choose another data.source"
            )
        files += [Path(match) for match in matches]
    return list(dict.fromkeys(files))


def find(files: list[Path], segments: dict[str, Segment], classes: Classes) -> Found:
    """The row of each segment's clip, and what is left over. Rows without a name are clips that
    the packer did not find.

    Raises:
        ValueError: a file of another layout, or other labels than AudioSet's lists.
    """
    found = Found({}, {}, [])
    for file in files:
        packed = PackedClips(file)
        clip_ids = {}  # by row
        for row, audio_name in enumerate(packed.names):
            if audio_name:
                segment = find_segment(audio_name, segments)
                if isinstance(segment, str):
                    reason = segment
                elif segment.clip_id in found.paths:
                    first = f"row {found.rows[segment.clip_id]} of {found.paths[segment.clip_id]}"
                    reason = f"{TWICE}{first}"
                else:
                    found.paths[segment.clip_id] = str(file)
                    found.rows[segment.clip_id] = row
                    clip_ids[row] = segment.clip_id
                    continue
                found.surplus.append(Surplus(f"{file}[{row}] {audio_name}", reason))
        check_labels(packed, clip_ids, segments, classes)
    return found


def check_labels(
    packed: PackedClips, clip_ids: dict[int, str], segments: dict[str, Segment], classes: Classes
) -> None:
    """Raises ValueError where a row's target is not its segment's labels. clip_ids: by row."""
    rows = list(clip_ids)
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        some = rows[start : start + ROWS_AT_A_TIME]
        for row, target in zip(some, packed.targets(some), strict=True):
            labels = classes.multi_hot(segments[clip_ids[row]].labels)
            if target.shape != labels.shape or (target != labels).any():
                raise ValueError(
                    f"{packed.path}: row {row}, {packed.names[row]}: the target has other classes "
                    "than AudioSet's list; the file was packed with other lists or another order "
                    "of the 527 classes, and cannot be used"
                )
