"""Which outputs of a published sound event detector are those of the recipe's classes."""

import logging

from uss.labels import audioset_ancestors, audioset_classes, read_classes
from uss.layout import CLASSES

NUM_SHOWN = 10

OTHER_METHODS = (
    "let stage 2 find anchors without a detector: in anchors.yaml, in place of method: detected, "
    "method: events (true times in events.csv) or method: loudest (for clips that hold one event)"
)

logger = logging.getLogger(__name__)


def detector_columns() -> list[list[int]]:
    """For each class of the recipe in its order, the columns whose maximum is its probability: its
    own; where AudioSet's ontology has the class and its 527 classes do not, those of all classes
    below it.

    Raises:
        ValueError: a class that has neither.
    """
    audioset, ours = audioset_classes(), read_classes(CLASSES)
    below: dict[str, list[int]] = {}
    for class_id, above in audioset_ancestors().items():
        if class_id in audioset:
            for ancestor in above:
                below.setdefault(ancestor, []).append(audioset.index(class_id))
    columns = [
        [audioset.index(class_id)] if class_id in audioset else sorted(below.get(class_id, []))
        for class_id in ours.ids
    ]
    others = [class_id for class_id, found in zip(ours.ids, columns, strict=True) if not found]
    if others:
        raise ValueError(
            "pretrained.yaml names a published sound_event_detector, which knows AudioSet's "
            f"{len(audioset)} classes, and {CLASSES} has {len(others)} that are none of them: "
            f"{ours.shown(others)}; write their mids there if they have any, or write "
            "sound_event_detector: null, and stage 2 trains one for the recipe's own classes, or "
            f"keep the published query_encoder alone and {OTHER_METHODS}"
        )
    return columns


def say_which_are_maxima(columns: list[list[int]]) -> None:
    """One line where classes have no column of their own."""
    audioset, ours = audioset_classes(), read_classes(CLASSES)
    parents = [
        f"{name} ({len(found)})"
        for class_id, name, found in zip(ours.ids, ours.names, columns, strict=True)
        if class_id not in audioset
    ]
    if parents:
        logger.info(
            "%d classes have no column of the published detector; their probability is the "
            "maximum over the classes below them (their number): %s",
            len(parents),
            ", ".join(parents[:NUM_SHOWN]) + (", ..." if len(parents) > NUM_SHOWN else ""),
        )
