"""A listed set of mixtures, read in batches from the packed anchors."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss.data.anchor_set import AnchorSet
from uss.tables import Mixture, read_table


class Batch(NamedTuple):
    """target and interferer (batch, samples) float32 as recorded; embedding (batch, D) and
    probabilities (batch, C) float32 of the target anchor."""

    target: np.ndarray
    interferer: np.ndarray
    embedding: np.ndarray
    probabilities: np.ndarray


class MixtureList:
    """Mixtures of a table over the anchors of one split.

    Args:
        path: data/mixtures/<list>.csv.
        anchors: the split's anchors.

    Raises:
        ValueError: a row names an anchor that is not there.
    """

    def __init__(self, path: Path | str, anchors: AnchorSet) -> None:
        self.mixtures = read_table(path, Mixture)
        self.anchors = anchors
        try:
            rows = [
                (anchors.row_of[mixture.target_anchor], anchors.row_of[mixture.interferer_anchor])
                for mixture in self.mixtures
            ]
        except KeyError as error:
            raise ValueError(
                f"{path}: anchor {error} is not in {anchors.packed.folder}; write the list again: "
                "./run.sh --stage 3 --stop-stage 3"
            ) from None
        self.target_rows, self.interferer_rows = np.array(rows, np.int64).reshape(-1, 2).T

    def __len__(self) -> int:
        return len(self.mixtures)

    def batch(self, rows: np.ndarray | range | list[int]) -> Batch:
        targets = self.target_rows[np.asarray(rows)]
        interferers = self.interferer_rows[np.asarray(rows)]
        return Batch(
            target=self.anchors.signals(targets),
            interferer=self.anchors.signals(interferers),
            embedding=self.anchors.embeddings(targets),
            probabilities=self.anchors.probabilities(targets),
        )
