"""How many anchors hit a true event, beside random anchors: scored where true times are kept."""

from collections import defaultdict

import numpy as np

from uss.seeding import rng
from uss.tables import Anchor, Event

NUM_RANDOM = 20  # random anchors for each detected one
SEED = 0


def is_hit(start_seconds: float, segment_seconds: float, events: list[Event]) -> bool:
    """Whether the intersection with one of the events is at least half of
    min(segment, event length)."""
    for event in events:
        end = min(start_seconds + segment_seconds, event.start_seconds + event.duration_seconds)
        overlap = end - max(start_seconds, event.start_seconds)
        if overlap >= 0.5 * min(segment_seconds, event.duration_seconds):
            return True
    return False


def score_anchors(
    anchors: list[Anchor],
    events: list[Event],
    segment_seconds: float,
    clip_seconds: float,
    sample_rate: int,
) -> dict:
    """Hit rates of detected and of random anchors, overall and by class_id.

    Returns:
        {"num_anchors", "hit_rate", "random_hit_rate", "classes": {class_id: {the same three}}}
    """
    of_clip_and_class = defaultdict(list)
    for event in events:
        of_clip_and_class[event.clip_id, event.class_id].append(event)
    hits, random_hits = defaultdict(list), defaultdict(list)
    for number, anchor in enumerate(anchors):
        true = of_clip_and_class[anchor.clip_id, anchor.class_id]
        start = anchor.start_sample / sample_rate
        hits[anchor.class_id].append(is_hit(start, segment_seconds, true))
        starts = rng(SEED, "random_anchor", number).uniform(
            0, clip_seconds - segment_seconds, NUM_RANDOM
        )
        random_hits[anchor.class_id].append(
            np.mean([is_hit(start, segment_seconds, true) for start in starts])
        )
    classes = {c: _rates(hits[c], random_hits[c]) for c in sorted(hits)}
    return {**_rates(sum(hits.values(), []), sum(random_hits.values(), [])), "classes": classes}


def _rates(hits: list, random_hits: list) -> dict:
    return {
        "num_anchors": len(hits),
        "hit_rate": round(float(np.mean(hits)), 4),
        "random_hit_rate": round(float(np.mean(random_hits)), 4),
    }
