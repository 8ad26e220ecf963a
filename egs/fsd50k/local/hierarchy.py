"""FSD50K's classes in AudioSet's ontology. A clip carries its classes and all that lie above them:
what is separated is the most specific of them.
"""

import difflib

from uss.labels import audioset_names
from uss.tables import ClassRow


def class_rows(vocabulary: dict[str, str], left_out: list[str]) -> list[ClassRow]:
    """The vocabulary's classes in its order, by AudioSet's names.

    Raises:
        ValueError: a label is left out that the vocabulary does not have.
    """
    for label in left_out:
        if label not in vocabulary:
            nearest = difflib.get_close_matches(label, vocabulary, n=1, cutoff=0.0)
            raise ValueError(
                f"data.left_out names {label!r}, which vocabulary.csv does not have; the nearest "
                f"is {''.join(nearest)!r}"
            )
    names = audioset_names()
    kept = [class_id for label, class_id in vocabulary.items() if label not in left_out]
    return [ClassRow(index, class_id, names[class_id]) for index, class_id in enumerate(kept)]


def most_specific(class_ids: set[str], ancestors: dict[str, set[str]]) -> set[str]:
    """Those that lie above no other one."""
    return class_ids.difference(*(ancestors[class_id] for class_id in class_ids))
