"""Check what stage 0 left: tables that read, known labels, splits that share no clip or recording.

Reads data/classes.csv, data/<split>/clips.csv and events.csv, data/forbidden_pairs.csv; or
data/recordings.csv and data/train/clips.csv, of a recipe that only measures. Writes nothing.

    python -m uss.bin.check_data
"""

import itertools
import logging
from pathlib import Path

from uss.command import parser, run
from uss.data.dataset import UNLABELLED, Dataset
from uss.layout import RECORDINGS
from uss.tables import Recording, read_table

logger = logging.getLogger(__name__)


def check_recordings(dataset: Dataset) -> None:
    """Ready mixtures, and the clips of their classes that queries are made of.

    Raises ValueError, naming file and id, for the first fault.
    """
    rows = read_table(RECORDINGS, Recording)
    clips = dataset.clips("train")
    labels = set().union(*dataset.clip_labels("train").values())
    for row in rows:
        if row.class_id not in labels:
            raise ValueError(
                f"{RECORDINGS}: id {row.mixture_id!r}: no clip of "
                f"{dataset.clips_path('train')} has the class {row.class_id}: nothing makes its "
                "query"
            )
        for path in (row.mixture_path, row.path):
            if not Path(path).is_file():
                raise ValueError(f"{RECORDINGS}: id {row.mixture_id!r}: {path} is missing")
    if not rows:
        raise ValueError(f"{RECORDINGS} has no recordings")
    logger.info(
        "%d references in %d mixtures, %d clips of %d classes for queries",
        *(len(rows), len({row.mixture_path for row in rows}), len(clips), len(labels)),
    )


def check(dataset: Dataset) -> None:
    """Raises ValueError, naming file and id, for the first fault."""
    clip_ids, groups = {}, {}
    for split in dataset.splits:
        clips = dataset.clips(split)
        if not clips:
            raise ValueError(f"{dataset.clips_path(split)} has no clips")
        clip_ids[split] = {clip.clip_id for clip in clips}
        groups[split] = dataset.groups(split)
        labels = set().union(*dataset.clip_labels(split).values())
        logger.info(
            "%s: %d clips, %d recordings, %d of %d classes",
            split,
            len(clips),
            len(groups[split]),
            len(labels),
            len(dataset.classes),
        )
        if split != UNLABELLED:
            missing = [c for c in dataset.classes.ids if c not in labels]
            if missing:
                shown = dataset.classes.shown(missing)
                logger.warning("%s: no clips of %d classes: %s", split, len(missing), shown)
    for one, other in itertools.combinations(dataset.splits, 2):
        for kind, sets in (("clip", clip_ids), ("group", groups)):
            shared = sorted(sets[one] & sets[other])
            if shared and {one, other} != {"train", UNLABELLED}:
                raise ValueError(
                    f"{dataset.clips_path(one)} and {dataset.clips_path(other)} share "
                    f"{len(shared)} {kind}s, such as {shared[0]!r}; splits must be disjoint"
                )
    dataset.forbidden()


def main(argv: list[str] | None = None) -> None:
    parser(__doc__).parse_args(argv)
    if RECORDINGS.exists() and not Dataset().clips_path("eval").exists():
        check_recordings(Dataset())
    else:
        check(Dataset())


if __name__ == "__main__":
    run(main)
