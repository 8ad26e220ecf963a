"""Anchors: the 2-second stretches of a clip in which a labelled class sounds, packed."""

from pathlib import Path

import numpy as np

from uss.audio import from_int16
from uss.data.dataset import Dataset
from uss.data.packed import Packed
from uss.ranges import SAMPLE_RATES
from uss.tables import Anchor, read_table

AT_MIXTURE_LEVEL = "at_mixture_level"  # attribute of imported parts: energies are matched already


def set_names(dataset: Dataset, split: str, method: str) -> list[str]:
    """The anchor sets of a split, the one that mixtures use first.

    method: of anchors.yaml. A detector is judged: where a split for development or evaluation has
    true times, its anchors come from them, and the detector's are a set beside them.
    """
    if method == "detected" and split != "train" and dataset.events(split) is not None:
        return ["anchors", "sed_anchors"]
    return ["anchors"]


class AnchorSet:
    """The packed anchors of a split, one a row.

    Args:
        split_dir: data/<split>.
        name: `anchors`, or `sed_anchors` where the former come from true times.

    Attributes:
        anchors: rows of the table, in packed order.
        row_of: anchor_id -> row.
        sample_rate: in Hz.
        num_samples, seconds: of each anchor.
        has_embeddings: whether a query encoder has heard them; without one their embeddings and
            probabilities have no values.
        at_mixture_level: whether interferers have their mixtures' levels (imported mixtures), so
            that they are added as they are.

    Raises:
        ValueError: the table and the packed anchors differ.
    """

    def __init__(self, split_dir: Path | str, name: str = "anchors") -> None:
        table = Path(split_dir) / f"{name}.csv"
        by_id = {anchor.anchor_id: anchor for anchor in read_table(table, Anchor)}
        self.packed = Packed(Path(split_dir) / name, stage=2)
        ids = self.packed.strings("anchor_id")
        self.packed.require("waveform", "int16 float32", "anchors", "samples")
        self.has_embeddings = "embedding" in self.packed or "probabilities" in self.packed
        if self.has_embeddings:
            self.packed.require("embedding", "float32", "anchors", "size")
            self.packed.require("probabilities", "float32", "anchors", "classes")
        if set(ids) != by_id.keys():
            raise ValueError(
                f"{table} and {self.packed.folder} hold different anchors; write both again: "
                "./run.sh --stage 2 --stop-stage 2"
            )
        self.anchors = [by_id[anchor_id] for anchor_id in ids]
        self.row_of = {anchor_id: row for row, anchor_id in enumerate(ids)}
        self.sample_rate = self.packed.number("sample_rate", *SAMPLE_RATES)
        self.at_mixture_level = bool(self.packed.attributes.get(AT_MIXTURE_LEVEL, False))
        self.num_samples = self.packed.width("waveform")[0]
        self.seconds = self.num_samples / self.sample_rate

    def refuse_shorter(self, window_size: int) -> None:
        """Raises ValueError where a separator's window is longer than the anchors."""
        if self.num_samples < window_size:
            raise ValueError(
                f"{self.packed.folder} holds anchors of {self.num_samples} samples, fewer than "
                f"stft.window_size {window_size}: change that, or anchors.segment_seconds, and run "
                "stage 2 again: ./run.sh --stage 2 --stop-stage 2"
            )

    def __len__(self) -> int:
        return len(self.anchors)

    def waveforms(self, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), samples) int16; float32 where they were imported."""
        return self.packed.read("waveform", rows)

    def signals(self, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), samples) float32."""
        waveforms = self.waveforms(rows)
        return from_int16(waveforms) if waveforms.dtype == np.int16 else waveforms

    def embeddings(self, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), embedding size) float32: the query encoder's output."""
        return self._encoded("embedding", rows)

    def probabilities(self, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), num_classes) float32: the query encoder's class probabilities."""
        return self._encoded("probabilities", rows)

    def _encoded(self, name: str, rows: np.ndarray | range | list[int]) -> np.ndarray:
        if not self.has_embeddings:
            return np.zeros((len(rows), 0), np.float32)
        return self.packed.read(name, rows)

    def query_size(self, field: str) -> int:
        """Values of `embedding` or `probabilities`; ValueError where the anchors have none."""
        if not self.has_embeddings:
            raise ValueError(
                f"{self.packed.folder} has anchors without embeddings, which queries are: name a "
                "query_encoder in pretrained.yaml, or write detector.yaml, by which stage 2 trains "
                "one, and run from stage 2 on: ./run.sh --stage 2"
            )
        return self.packed.width(field)[0]
