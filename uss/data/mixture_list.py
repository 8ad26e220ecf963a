"""A listed set of mixtures, read in batches from the packed anchors."""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss.data.anchor_set import AnchorSet
from uss.data.augmentation import Augmenter
from uss.schema import Augmentation
from uss.tables import Mixture, read_table


class Batch(NamedTuple):
    """target and interferer (batch, samples) float32 as recorded, or augmented; embedding
    (batch, D) and probabilities (batch, C) float32 of the target anchor as recorded."""

    target: np.ndarray
    interferer: np.ndarray
    embedding: np.ndarray
    probabilities: np.ndarray


class MixtureList:
    """Mixtures of a table over the anchors of one split.

    Args:
        path: data/mixtures/<list>.csv.
        anchors: the split's anchors.
        augmenter: of these anchors, for training; None leaves them as they are.

    Raises:
        ValueError: a row names an anchor that is not there.
    """

    def __init__(
        self, path: Path | str, anchors: AnchorSet, augmenter: Augmenter | None = None
    ) -> None:
        self.mixtures = read_table(path, Mixture)
        self.anchors = anchors
        self.augmenter = augmenter
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
        rows = np.asarray(rows, np.int64)
        targets = self.target_rows[rows]
        return Batch(
            target=self._signals(targets, rows, "target"),
            interferer=self._signals(self.interferer_rows[rows], rows, "interferer"),
            embedding=self.anchors.embeddings(targets),
            probabilities=self.anchors.probabilities(targets),
        )

    def _signals(self, anchor_rows: np.ndarray, rows: np.ndarray, side: str) -> np.ndarray:
        if self.augmenter is None:
            return self.anchors.signals(anchor_rows)
        return self.augmenter.signals(anchor_rows, rows, side)


def training_list(path: Path, split_dir: Path, augmentation: Augmentation) -> MixtureList:
    """The list as stages 4 and 5 hear it."""
    anchors = AnchorSet(split_dir)
    on = augmentation.is_on
    return MixtureList(path, anchors, Augmenter(anchors, augmentation, split_dir) if on else None)
