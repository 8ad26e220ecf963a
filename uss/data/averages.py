"""Average embeddings: what a user has of a class who has no recording of the very target."""

from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np

from uss.data.mixtures import MixtureList
from uss.labels import Classes


class AverageEmbeddings(NamedTuple):
    """A row a class: class_id; embedding (C, D) and probabilities (C, num_classes) float32, the
    means over the class's targets; num_targets (C,)."""

    class_id: list[str]
    embedding: np.ndarray
    probabilities: np.ndarray
    num_targets: np.ndarray


def average_embeddings(query: MixtureList, classes: Classes) -> AverageEmbeddings:
    """Means over the targets of the query list; zero where a class has none."""
    anchors = query.anchors
    rows_of: list[list[int]] = [[] for _ in classes.ids]
    for row in query.target_rows:
        rows_of[classes.index(anchors.anchors[row].class_id)].append(row)

    def means(read) -> np.ndarray:
        empty = np.zeros(read([]).shape[1], np.float32)
        return np.stack(
            [read(rows).mean(axis=0, dtype=np.float64) if rows else empty for rows in rows_of]
        ).astype(np.float32)

    return AverageEmbeddings(
        classes.ids,
        means(anchors.embeddings),
        means(anchors.probabilities),
        np.array([len(rows) for rows in rows_of]),
    )


def read_average_embeddings(path: Path | str) -> AverageEmbeddings:
    """Raises ValueError where the file is not there or broken."""
    try:
        with h5py.File(path, "r") as file:
            class_id = [value.decode() for value in file["class_id"]]
            arrays = [file[name][:] for name in AverageEmbeddings._fields[1:]]
    except (OSError, KeyError):
        raise ValueError(
            f"{path} is missing or broken; stage 6 writes it: ./run.sh --stage 6 --stop-stage 6"
        ) from None
    return AverageEmbeddings(class_id, *arrays)
