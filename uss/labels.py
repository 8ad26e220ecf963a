"""Class tables: the recipe's own classes.csv and AudioSet's 527 classes."""

import csv
import difflib
import io
from collections import Counter
from importlib import resources
from pathlib import Path

import numpy as np

from uss.tables import ClassRow, read_table

MAX_SHOWN = 5  # classes in a message


class Classes:
    """The classes of a recipe in the order of their index."""

    def __init__(self, rows: list[ClassRow], origin: str) -> None:
        if [row.index for row in rows] != list(range(len(rows))):
            raise ValueError(f"{origin}: the indices must be 0, 1, 2, ... without gaps")
        self.ids = [row.class_id for row in rows]
        self.names = [row.name for row in rows]
        self._index = {class_id: index for index, class_id in enumerate(self.ids)}
        for what, values in (("class_id", self.ids), ("name", self.names)):
            (twice, count), *_ = Counter(values).most_common(1) or [("", 1)]
            if count > 1:
                raise ValueError(f"{origin}: the {what} {twice!r} stands twice")
            if "" in values:
                raise ValueError(f"{origin}: a {what} is empty")

    def __len__(self) -> int:
        return len(self.ids)

    def __contains__(self, class_id: str) -> bool:
        return class_id in self._index

    def index(self, class_id: str) -> int:
        return self._index[class_id]

    def index_of_name(self, name: str) -> int:
        """Raises ValueError with the nearest names."""
        try:
            return self.names.index(name)
        except ValueError:
            near = ", ".join(difflib.get_close_matches(name, self.names, n=3, cutoff=0.0))
            raise ValueError(f"no class is named {name!r}; the nearest are: {near}") from None

    def shown(self, class_ids: list[str]) -> str:
        """For a message: class_ids with their names, some where there are many."""
        some = [f"{class_id} ({self.names[self.index(class_id)]})" for class_id in class_ids]
        more = [f"and {len(some) - MAX_SHOWN} more"] if len(some) > MAX_SHOWN else []
        return ", ".join(some[:MAX_SHOWN] + more)

    def multi_hot(self, labels: str) -> np.ndarray:
        """(num_classes,) bool of space-separated class_ids."""
        target = np.zeros(len(self), dtype=bool)
        target[[self._index[class_id] for class_id in labels.split()]] = True
        return target


def read_classes(path: Path | str) -> Classes:
    return Classes(read_table(path, ClassRow), str(path))


def audioset_classes() -> Classes:
    """AudioSet's 527 classes (class_labels_indices.csv)."""
    name = "class_labels_indices.csv"
    rows = [ClassRow(int(row["index"]), row["mid"], row["display_name"]) for row in _resource(name)]
    return Classes(rows, name)


def audioset_parents() -> dict[str, list[str]]:
    """class_id -> class_ids of its parents in the AudioSet ontology."""
    return {row["mid"]: row["parent_mids"].split() for row in _resource("audioset_ontology.csv")}


def audioset_ancestors() -> dict[str, set[str]]:
    """class_id -> class_ids of all that lie above it in the AudioSet ontology."""
    parents = audioset_parents()
    found: dict[str, set[str]] = {}

    def climb(class_id: str) -> set[str]:
        if class_id not in found:
            found[class_id] = set(parents[class_id]).union(*map(climb, parents[class_id]))
        return found[class_id]

    for class_id in parents:
        climb(class_id)
    return found


def ancestor_pairs(class_ids: list[str]) -> list[tuple[str, str]]:
    """Each of the classes with those of them that lie above it, such as cricket and insect."""
    ancestors, known = audioset_ancestors(), set(class_ids)
    return [
        (one, other)
        for one in class_ids
        if one in ancestors
        for other in sorted(ancestors[one] & known)
    ]


def audioset_names() -> dict[str, str]:
    """class_id -> name of all nodes of the AudioSet ontology, those without a class too."""
    return {row["mid"]: row["name"] for row in _resource("audioset_ontology.csv")}


def _resource(name: str) -> list[dict[str, str]]:
    """The rows of a table in uss/resources/."""
    text = (resources.files("uss") / "resources" / name).read_text(encoding="utf-8")
    return list(csv.DictReader(io.StringIO(text)))
