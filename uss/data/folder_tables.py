"""Stage 0 for a folder of labelled recordings: classes.csv, forbidden_pairs.csv (a class and its
ancestor in AudioSet's ontology), and clips.csv of the three splits.

A recording longer than a clip becomes several clips of one group, so nothing is cut off; stage 1
pads a short one with silence. The recordings (groups) of every class are divided among the splits.
"""

import csv
import io
import logging
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss.audio import BadAudio
from uss.audio_files.ffmpeg import NeedsFfmpeg
from uss.audio_files.reader import opened
from uss.config import expanded
from uss.data.dataset import LABELLED_SPLITS
from uss.labels import ancestor_pairs, audioset_classes
from uss.seeding import rng
from uss.tables import ClassPair, ClassRow, Clip, write_table
from uss.text_files import read_text

MIN_GROUPS = 3  # of a class: one for each split
MIN_LAST_SECONDS = 1.0  # of a recording's last clip, else it begins earlier, in the one before
COLUMNS = ("path", "labels", "group")

logger = logging.getLogger(__name__)


class Recording(NamedTuple):
    """name: of its own; path: of the file; labels: names of classes; group: what no two splits may
    share."""

    name: str
    path: Path
    labels: tuple[str, ...]
    group: str


def tables_from_folders(
    folder: Path | str, clip_seconds: float, seed: int = 0, data: Path | str = "data"
) -> None:
    """Of FOLDER/<name of a class>/<files>; each file is a group of its own.

    Args:
        clip_seconds: as in resample.yaml.
        seed: of the division into splits.
        data: folder of the tables to be written.

    Raises:
        ValueError: no folder, or a class with fewer than three recordings.
    """
    folder = Path(expanded(str(folder)))
    if not folder.is_dir():
        raise ValueError(f"{folder} is no folder: it must hold a folder for each class")
    recordings = [
        Recording(name, path, (path.parent.name,), name)
        for path in sorted(folder.glob("*/*"))
        for name in [path.relative_to(folder).as_posix()]
        if path.is_file() and not path.name.startswith(".")
    ]
    if not recordings:
        raise ValueError(f"{folder} has no files in folders named as the classes, as Bell/1.wav")
    write_tables(recordings, clip_seconds, Path(data), seed)


def tables_from_csv(
    table: Path | str, clip_seconds: float, seed: int = 0, data: Path | str = "data"
) -> None:
    """Of a CSV with a header and the columns path (relative to the CSV), labels (names of classes,
    separated by semicolons) and group (what no two splits may share: recording, session, speaker).

    Raises:
        ValueError: naming file and line, for a row that does not fit; else as tables_from_folders.
    """
    table = Path(expanded(str(table)))
    recordings = []
    text = read_text(table, "correct the path of the table")
    reader = csv.DictReader(io.StringIO(text, newline=""))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise ValueError(f"{table}: the header must be {','.join(COLUMNS)}")
    for row in reader:
        labels = tuple(label.strip() for label in (row["labels"] or "").split(";"))
        path = table.parent / (row["path"] or "")
        where = f"{table}, line {reader.line_num}"
        if None in row or not row["group"] or "" in labels:
            raise ValueError(f"{where}: expected {','.join(COLUMNS)}, none of them empty")
        if not path.is_file():
            raise ValueError(f"{where}: {path} is missing; correct the path")
        recordings.append(Recording(row["path"], path, labels, row["group"]))
    write_tables(recordings, clip_seconds, Path(data), seed)


def write_tables(
    recordings: list[Recording],
    clip_seconds: float,
    data: Path,
    seed: int = 0,
    split_of: dict[str, str] | None = None,
) -> None:
    """Write data/classes.csv, data/forbidden_pairs.csv and data/<split>/clips.csv; log what was
    divided how.

    Args:
        seed: of the division into splits.
        split_of: group -> split, where the data set has splits of its own: none is drawn.
    """
    seconds_of: dict[str, float] = {}
    for recording in recordings:
        try:
            seconds_of[recording.name] = duration(recording.path)
        except BadAudio as error:
            logger.warning("left out: %s: %s", recording.path, error)
    num_unreadable = len(recordings) - len(seconds_of)
    recordings = [recording for recording in recordings if recording.name in seconds_of]
    names = sorted({label for recording in recordings for label in recording.labels})
    ids = class_ids(names)
    split_of = split_of or divide(recordings, names, seed)
    warn_of_missing_splits(recordings, names, split_of)
    clips: dict[str, list[Clip]] = defaultdict(list)
    num_long = 0
    for name, path, labels, group in recordings:
        class_labels = " ".join(ids[label] for label in labels)
        whole = Clip(name, str(path.resolve()), 0.0, seconds_of[name], class_labels, group)
        divided = windows(whole, clip_seconds)
        num_long += len(divided) > 1
        clips[split_of[group]] += divided
    rows = [ClassRow(index, ids[name], name) for index, name in enumerate(names)]
    write_table(data / "classes.csv", rows, ClassRow)
    write_table(data / "forbidden_pairs.csv", class_above_class(rows), ClassPair)
    for split in LABELLED_SPLITS:
        table = data / split / "clips.csv"
        write_table(table, sorted(clips[split], key=lambda clip: clip.clip_id), Clip)
        logger.info("wrote %s: %d clips", table, len(clips[split]))
    logger.info(
        "%d recordings of %d classes, %d longer than a clip and divided, %d unreadable",
        *(len(seconds_of), len(names), num_long, num_unreadable),
    )


def class_ids(names: list[str]) -> dict[str, str]:
    """AudioSet's mid where the name is one of its classes, else the name without blanks."""
    audioset = audioset_classes()
    known = dict(zip(audioset.names, audioset.ids, strict=True))
    return {name: known.get(name, "_".join(name.split())) for name in names}


def divide(recordings: list[Recording], names: list[str], seed: int) -> dict[str, str]:
    """group -> split. Of each class's groups a sixth, and one at least, for development and for
    evaluation each. The rarest classes choose first; a class all of whose groups carry rarer ones
    too may be left without a split.

    Raises:
        ValueError: naming a class with too few groups.
    """
    groups = {name: sorted({r.group for r in recordings if name in r.labels}) for name in names}
    for name in names:
        if len(groups[name]) < MIN_GROUPS:
            raise ValueError(
                f"class {name!r} has {len(groups[name])} recordings (groups); each class needs "
                f"{MIN_GROUPS}, one for each split: add some, or leave the class out"
            )
    generator = rng(seed, "folder_splits")
    split_of: dict[str, str] = {}
    for name in sorted(names, key=lambda name: (len(groups[name]), name)):
        wanted = max(1, len(groups[name]) // 6)
        taken = [split_of[group] for group in groups[name] if group in split_of]
        free = [group for group in groups[name] if group not in split_of]
        for split in ("eval", "dev"):
            for _ in range(wanted - taken.count(split)):
                if len(free) > 1 or ("train" in taken and free):
                    split_of[free.pop(generator.integers(len(free)))] = split
        split_of |= dict.fromkeys(free, "train")
    return split_of


def warn_of_missing_splits(
    recordings: list[Recording], names: list[str], split_of: dict[str, str]
) -> None:
    for name in names:
        there = {split_of[recording.group] for recording in recordings if name in recording.labels}
        lost = set(LABELLED_SPLITS) - there
        if lost:
            logger.warning(
                "class %r has no recording in %s; where splits are drawn, its groups carry other "
                "classes too, which chose first: add recordings of it alone",
                *(name, " and ".join(sorted(lost))),
            )


def duration(path: Path) -> float:
    """In seconds, from the file's header. Raises BadAudio where it is no audio."""
    try:
        with opened(path) as file:
            return file.frames / file.samplerate
    except NeedsFfmpeg as error:
        raise ValueError(f"{path} {error}: install it, or leave the file out") from None


def class_above_class(classes: list[ClassRow]) -> list[ClassPair]:
    """For forbidden_pairs.csv: every class with each class that lies above it in AudioSet."""
    pairs = ancestor_pairs([row.class_id for row in classes])
    return [ClassPair(f"{number:04d}", *pair) for number, pair in enumerate(pairs)]


def windows(recording: Clip, clip_seconds: float) -> list[Clip]:
    """A recording's clips of at most `clip_seconds`, which together hold all of it."""
    name, path, _, seconds, labels, group = recording
    return [
        Clip(f"{name}#{number:03d}", path, start, min(clip_seconds, seconds - start), labels, group)
        for number, start in enumerate(clip_starts(seconds, clip_seconds))
    ]


def clip_starts(seconds: float, clip_seconds: float) -> list[float]:
    """Where the clips of a recording start, so that together they hold all of it: one after the
    other, the last one ending with the recording where what is left would be very short."""
    starts = np.arange(0, seconds, clip_seconds).tolist()
    if len(starts) > 1 and seconds - starts[-1] < MIN_LAST_SECONDS:
        starts[-1] = seconds - clip_seconds
    return starts
