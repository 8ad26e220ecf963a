"""Average embeddings: what a user has of a class who has no recording of the very target."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss import hdf5
from uss.data.mixture_list import MixtureList
from uss.labels import Classes
from uss.layout import command_of_stage
from uss.schema import System


class AverageEmbeddings(NamedTuple):
    """A row a class: class_id; embedding (C, D) and probabilities (C, num_classes) float32, the
    means over the class's targets; num_targets (C,)."""

    class_id: list[str]
    embedding: np.ndarray
    probabilities: np.ndarray
    num_targets: np.ndarray


# rows of the anchors -> (rows, D) embeddings and (rows, num_classes) probabilities, float32
Embed = Callable[[list[int]], tuple[np.ndarray, np.ndarray]]


def average_embeddings(
    query: MixtureList, classes: Classes, embed: Embed | None = None
) -> AverageEmbeddings:
    """Means over the targets of the query list; zero where a class has none.

    Args:
        embed: where the packed embeddings are not the ones to be averaged.

    Raises:
        ValueError: one is not finite.
    """
    anchors = query.anchors
    if embed is None:

        def embed(rows: list[int]) -> tuple[np.ndarray, np.ndarray]:
            return anchors.embeddings(rows), anchors.probabilities(rows)

    rows_of: list[list[int]] = [[] for _ in classes.ids]
    for row in query.target_rows:
        class_id = anchors.anchors[row].class_id
        if class_id not in classes:
            raise ValueError(
                f"{anchors.packed.folder} has anchors of class {class_id}, which data/classes.csv "
                "lacks; add it there, or run from stage 2 again"
            )
        rows_of[classes.index(class_id)].append(row)

    empty = [np.zeros(output.shape[1], np.float32) for output in embed([])]
    means = [
        [output.mean(axis=0, dtype=np.float64) for output in embed(rows)] if rows else empty
        for rows in rows_of
    ]
    embedding, probabilities = (np.stack(x).astype(np.float32) for x in zip(*means, strict=True))
    if not (np.isfinite(embedding).all() and np.isfinite(probabilities).all()):
        raise ValueError(
            f"{anchors.packed.folder} holds an embedding that is not finite; remove it and run "
            f"stage 2 again: {command_of_stage(2)}"
        )
    num_targets = np.array([len(rows) for rows in rows_of])
    return AverageEmbeddings(classes.ids, embedding, probabilities, num_targets)


def read_average_embeddings(path: Path | str) -> AverageEmbeddings:
    """Raises ValueError where the file is missing, broken or holds anything else."""
    with hdf5.Reader(path, f"stage 6 writes it: {command_of_stage(6)}") as file:
        class_id = file.strings("class_id")
        embedding = file.array("embedding", "float32", "classes", "size")
        probabilities = file.array("probabilities", "float32", "classes", "of the detector")
        num_targets = file.array("num_targets", "int64", "classes")
        arrays = (embedding, probabilities, num_targets)
        if any(len(array) != len(class_id) for array in arrays):
            raise file.fault("its datasets differ in length")
        if not (np.isfinite(embedding).all() and np.isfinite(probabilities).all()):
            raise file.fault("an average embedding is not finite")
        if num_targets.min(initial=0) < 0:
            raise file.fault("a number of targets is negative")
    return AverageEmbeddings(class_id, *arrays)


def refuse_other_query(
    averages: AverageEmbeddings, system: System, query_size: int, path: Path | str
) -> None:
    """Raises ValueError where a separator takes other queries than the averages of a file are."""
    size = getattr(averages, system.query_field).shape[1]
    if size != query_size:
        raise ValueError(
            f"{path}: {system.query_field} has {size} values for each class, and the separator "
            f"takes {query_size}; stage 6 writes it: {command_of_stage(6)}"
        )


def refuse_other_classes(averages: AverageEmbeddings, classes: Classes, path: Path | str) -> None:
    """Raises ValueError where the averages of a file are not of the recipe's classes, in order."""
    if averages.class_id != classes.ids:
        raise ValueError(
            f"{path} has averages of other classes than data/classes.csv; stage 6 writes it: "
            f"{command_of_stage(6)}"
        )
