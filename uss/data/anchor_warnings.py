"""What a user should know of the anchors of a split: one line each, where there is anything."""

import logging

from uss.data.dataset import Dataset
from uss.labels import audioset_ancestors
from uss.tables import Anchor

NUM_SHOWN = 5

logger = logging.getLogger(__name__)


def warn_of_lost_classes(dataset: Dataset, split: str, name: str, anchors: list[Anchor]) -> None:
    """One line where clips carry a class, and all of its anchors were dropped."""
    labelled = set().union(*dataset.clip_labels(split).values())
    found = {anchor.class_id for anchor in anchors}
    lost = [c for c in dataset.classes.ids if c in labelled and c not in found]
    if lost:
        logger.warning(
            "%s: %d classes have clips and not one of the %s, so they make no mixtures: %s; the "
            "stretches found for them are silent: see whether their clips are, lower "
            "silence_dbfs in anchors.yaml, or train the detector longer",
            *(split, len(lost), name, dataset.classes.shown(lost)),
        )


def warn_of_labels_without_event(dataset: Dataset, split: str) -> None:
    """One line where a label of a clip has no true time, and so no anchor."""
    timed = {(event.clip_id, event.class_id) for event in dataset.events(split) or []}
    lost = [
        f"{clip_id} {class_id}"
        for clip_id, labels in dataset.clip_labels(split).items()
        for class_id in sorted(labels)
        if (clip_id, class_id) not in timed
    ]
    if lost:
        logger.warning(
            "%s: %d labels of clips have no event in %s, and so no anchor: %s; write their times "
            "there",
            *(split, len(lost), dataset.events_path(split), ", ".join(lost[:NUM_SHOWN])),
        )


def warn_of_events_cut_off(dataset: Dataset, split: str, clip_seconds: float) -> None:
    """One line where events start in what stage 1 cut off."""
    lost = [e.event_id for e in dataset.events(split) or [] if e.start_seconds >= clip_seconds]
    if lost:
        logger.warning(
            "%s: %d events start after the %g s that stage 1 keeps of a clip, and have no anchor: "
            "%s; raise clip_seconds in resample.yaml, or divide the clips in stage 0",
            *(split, len(lost), clip_seconds, ", ".join(lost[:NUM_SHOWN])),
        )


def warn_of_several_events(dataset: Dataset, split: str) -> None:
    """One line where clips have labels of which none is an ancestor of the other in AudioSet's
    ontology, so that their loudest stretch need not hold all of them."""
    ancestors = audioset_ancestors()
    several = []
    for clip_id, labels in dataset.clip_labels(split).items():
        above = set().union(*(ancestors.get(class_id, set()) for class_id in labels))
        if len(labels - above) > 1:
            several.append(clip_id)
    if several:
        logger.warning(
            "%s: %d of %d clips have labels of several sounds, and their loudest stretch, the "
            "anchor of each of these labels, may hold only one of them: %s",
            *(split, len(several), len(dataset.clips(split)), ", ".join(several[:NUM_SHOWN])),
        )
