"""Which segments are train, dev and eval. Drawn from AudioSet's lists, whatever audio is there."""

from collections import Counter, defaultdict

import numpy as np

from uss.labels import Classes

from .segments import Segment

SPLITS = ("train", "dev", "eval")
MAX_DEV_SHARE = 0.5  # of a class's clips, so that a small list leaves some for training


def split_segments(
    train: list[Segment], evaluation: list[Segment], classes: Classes, num_dev: int, seed: int
) -> dict[str, list[Segment]]:
    """split -> segments sorted by id; dev is held out of the training segments.

    Raises:
        ValueError: a segment stands in training and evaluation lists.
    """
    shared = {segment.clip_id for segment in train} & {row.clip_id for row in evaluation}
    if shared:
        raise ValueError(
            f"{len(shared)} ids, such as {min(shared)}, stand in data.train_segments and in "
            "data.eval_segments: name AudioSet's own disjoint lists there"
        )
    dev = draw_dev(train, classes, num_dev, seed)
    return {
        "train": [segment for segment in train if segment.clip_id not in dev],
        "dev": [segment for segment in train if segment.clip_id in dev],
        "eval": evaluation,
    }


def draw_dev(segments: list[Segment], classes: Classes, num_per_class: int, seed: int) -> set[str]:
    """Ids of clips that give each class at least `num_per_class`, where it has twice as many.

    The rarest class draws first; a clip counts for every label that it carries.
    """
    of_class: dict[str, list[Segment]] = defaultdict(list)
    for row in np.random.default_rng(seed).permutation(len(segments)):
        for class_id in segments[row].labels.split():
            of_class[class_id].append(segments[row])
    drawn: set[str] = set()
    count: Counter[str] = Counter()
    for class_id in sorted(of_class, key=lambda c: (len(of_class[c]), classes.index(c))):
        wanted = min(num_per_class, int(MAX_DEV_SHARE * len(of_class[class_id])))
        for segment in of_class[class_id]:
            if count[class_id] >= wanted:
                break
            if segment.clip_id not in drawn:
                drawn.add(segment.clip_id)
                count.update(segment.labels.split())
    return drawn
