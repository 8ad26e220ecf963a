"""Packed clips, in the layout of audioset_tagging_cnn: audio_name, waveform int16, target.

Where others had packed them, stage 1's parts say where each waveform is instead of holding it.
"""

from functools import cached_property
from pathlib import Path

import numpy as np

from uss.data.in_place import RowsInPlace
from uss.data.packed import Packed
from uss.ranges import SAMPLE_RATES


class WaveformSet:
    """The packed clips of a split.

    Args:
        split_dir: data/<split>, whose `waveforms` stage 1 wrote.

    Attributes:
        names: clip ids, one a row.
        sample_rate: in Hz.
        num_samples: of each clip.
    """

    def __init__(self, split_dir: Path | str) -> None:
        self.packed = Packed(Path(split_dir) / "waveforms", stage=1)
        self.names = self.packed.strings("audio_name")
        self.packed.require("target", "bool", "clips", "classes")
        self.sample_rate = self.packed.number("sample_rate", *SAMPLE_RATES)
        self._in_place = RowsInPlace(self.packed) if "row" in self.packed else None
        if self._in_place:
            self.num_samples = self._in_place.num_samples
        else:
            self.packed.require("waveform", "int16", "clips", "samples")
            self.num_samples = self.packed.width("waveform")[0]

    def __len__(self) -> int:
        return len(self.packed)

    @cached_property
    def target(self) -> np.ndarray:
        """(num_clips, num_classes) bool, the weak labels. Two million clips take 1 GB."""
        return self.packed.read("target", range(len(self)))

    def read(self, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), num_samples) int16."""
        if self._in_place:
            return self._in_place.read(rows)
        return self.packed.read("waveform", rows)
