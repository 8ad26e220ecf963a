"""The recipe's classes, and the pairs of them that must not meet."""

from uss.labels import audioset_ancestors, audioset_classes
from uss.tables import ClassPair, ClassRow

from .data_config import Data


def class_rows(labels: set[str]) -> list[ClassRow]:
    """AudioSet's names with indices of their own, in AudioSet's order.

    Raises:
        ValueError: for a name that AudioSet does not have.
    """
    classes = audioset_classes()
    order = sorted(labels, key=classes.index_of_name)
    return [
        ClassRow(index, classes.ids[classes.index_of_name(name)], name)
        for index, name in enumerate(order)
    ]


def forbidden_pairs(rows: list[ClassRow], config: Data) -> list[ClassPair]:
    """The pairs that data.yaml lists, and every class with its ancestor in the ontology."""
    classes, ancestors = audioset_classes(), audioset_ancestors()
    pairs = {
        tuple(sorted(classes.ids[classes.index_of_name(name)] for name in pair))
        for pair in config.overlapping
    }
    ids = {row.class_id for row in rows}
    pairs |= {tuple(sorted((one, other))) for one in ids for other in ancestors[one]}
    used = sorted(pair for pair in pairs if set(pair) <= ids)
    return [ClassPair(f"{number:03d}", *pair) for number, pair in enumerate(used)]
