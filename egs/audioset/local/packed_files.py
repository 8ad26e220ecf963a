"""Clips in the HDF5 files of audioset_tagging_cnn or bytedance/uss, used where they are."""

import glob
from pathlib import Path

from clip_names import parse
from found import Found, Surplus
from segments import Segment

from uss.data.packed_clips import PackedClips
from uss.labels import Classes

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
        rows = []
        for row, audio_name in enumerate(packed.names):
            if audio_name:
                reason = use(audio_name, row, file, segments, found)
                if reason:
                    found.surplus.append(Surplus(f"{file}[{row}] {audio_name}", reason))
                else:
                    rows.append(row)
        check_labels(packed, rows, segments, classes)
    return found


def use(
    audio_name: str, row: int, file: Path, segments: dict[str, Segment], found: Found
) -> str | None:
    """Note a row as its clip's; the reason where it is not."""
    name = parse(audio_name)
    if name is None:
        return "the name holds no YouTube id"
    if name.clip_id not in segments:
        return "the lists do not name the clip"
    if name.clip_id in found.paths:
        return f"the clip is row {found.rows[name.clip_id]} of {found.paths[name.clip_id]}"
    found.paths[name.clip_id] = str(file)
    found.rows[name.clip_id] = row
    return None


def check_labels(
    packed: PackedClips, rows: list[int], segments: dict[str, Segment], classes: Classes
) -> None:
    """Raises ValueError where a row's target is not its segment's labels."""
    for start in range(0, len(rows), ROWS_AT_A_TIME):
        some = rows[start : start + ROWS_AT_A_TIME]
        for row, target in zip(some, packed.targets(some), strict=True):
            name = parse(packed.names[row])
            assert name is not None  # `use` took the row
            labels = classes.multi_hot(segments[name.clip_id].labels)
            if target.shape != labels.shape or (target != labels).any():
                raise ValueError(
                    f"{packed.path}: row {row}, {packed.names[row]}: the target has other classes "
                    "than AudioSet's list; the file was packed with other lists or another order "
                    "of the 527 classes, and cannot be used"
                )
