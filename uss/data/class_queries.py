"""Training queries as a user has them: of another recording of the class, or the class's mean
(docs/method.md, section 3)."""

from collections.abc import Callable

import numpy as np

from uss.data.anchor_set import AnchorSet
from uss.data.mixture_list import MixtureList
from uss.schema import System
from uss.seeding import rng
from uss.shards import parts

ROWS_AT_A_TIME = 4096  # of a class, which may have a million anchors

Read = Callable[[np.ndarray | list[int]], np.ndarray]  # rows -> (rows, size) float32


def queries_of(anchors: AnchorSet, system: System) -> Read:
    """Reads of anchors what a system takes as query."""
    return anchors.embeddings if system.query == "embedding" else anchors.probabilities


def mean_query(read: Read, rows: np.ndarray) -> np.ndarray:
    """The mean over anchors, (size,) float32."""
    blocks = parts(len(rows), ROWS_AT_A_TIME)
    queries = (read(rows[block.start : block.stop]) for block in blocks)
    total = sum(some.sum(axis=0, dtype=np.float64) for some in queries)
    return (total / len(rows)).astype(np.float32)


class ClassQueries:
    """The query of each row of a training list, a pure function of (seed, row).

    With probability `query_mix` it is drawn from the target's class, else it is the target's own. A
    coin then decides between the mean over the class's anchors and one of its anchors of another
    group; a class of one group has the mean alone.

    Args:
        mixtures: the list.
        system: `query_mix`, and which of the query encoder's outputs is the query.
        seed: of the training.
    """

    def __init__(self, mixtures: MixtureList, system: System, seed: int) -> None:
        self.target_rows = mixtures.target_rows
        self.mix = system.query_mix
        self.seed = seed
        anchors = mixtures.anchors
        self.of_anchors = queries_of(anchors, system)
        _, self.class_of = np.unique([a.class_id for a in anchors.anchors], return_inverse=True)
        _, self.group_of = np.unique([a.group for a in anchors.anchors], return_inverse=True)
        self.rows_of = [np.flatnonzero(self.class_of == c) for c in range(max(self.class_of) + 1)]
        self.means = np.stack([mean_query(self.of_anchors, rows) for rows in self.rows_of])

    def read(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows), size) float32."""
        anchors = [self._anchor(row) for row in rows.tolist()]
        queries = self.of_anchors([0 if anchor is None else anchor for anchor in anchors])
        is_mean = np.array([anchor is None for anchor in anchors])
        classes = self.class_of[self.target_rows[rows]]
        return np.where(is_mean[:, None], self.means[classes], queries)

    def _anchor(self, row: int) -> int | None:
        """The row of the anchor whose query is taken; None for the class's mean."""
        target = int(self.target_rows[row])
        generator = rng(self.seed, "training_query", row)
        if generator.random() >= self.mix:
            return target
        of_class = self.rows_of[self.class_of[target]]
        others = of_class[self.group_of[of_class] != self.group_of[target]]
        if len(others) == 0 or generator.random() < 0.5:
            return None
        return int(others[generator.integers(len(others))])
