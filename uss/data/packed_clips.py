"""Clips that others packed: HDF5 files of audioset_tagging_cnn or bytedance/uss, read in place."""

from pathlib import Path

import numpy as np

from uss import hdf5
from uss.ranges import SAMPLE_RATES

MAX_CLIPS = 10_000_000  # of a file; AudioSet has two million
MAX_NAME_BYTES = 256
TARGETS = "bool int8 uint8 int32 int64 float32"  # not 0 where the clip has the label
REMEDY = (
    "expected a waveform file as the present audioset_tagging_cnn packs it, not one of its indexes"
)


class PackedClips:
    """One file: audio_name (n,), waveform (n, samples) int16, target (n, classes) bool, and the
    attribute sample_rate. The packer leaves a row without a name where it had no audio.

    Attributes:
        names: audio_name of each row, "" where it has none.
        sample_rate: in Hz.
        num_samples: of each clip.

    Raises:
        ValueError: no such file, or another layout.
    """

    def __init__(self, path: Path | str) -> None:
        self.path = Path(path)
        self._file = hdf5.Reader(path, REMEDY)
        names = self._file.expect("audio_name", "text", "clips")
        waveform = self._file.expect("waveform", "int16", "clips", "samples")
        target = self._file.expect("target", TARGETS, "clips", "classes")
        lengths = {"audio_name": names.shape[0], "waveform": waveform.shape[0]}
        lengths["target"] = target.shape[0]
        if len(set(lengths.values())) != 1:
            raise self._file.fault(f"its datasets differ in length: {lengths}")
        if names.shape[0] > MAX_CLIPS or names.dtype.itemsize > MAX_NAME_BYTES:
            raise self._file.fault(f"audio_name is {names.shape[0]} times {names.dtype.itemsize} B")
        self.sample_rate = self._file.number("sample_rate", *SAMPLE_RATES)
        self.num_samples = waveform.shape[1]
        values = self._file.read("audio_name").tolist()
        self.names = hdf5.decoded(values, f"{path}: audio_name", REMEDY)

    def waveform(self, row: int) -> np.ndarray:
        """(num_samples,) int16. Raises ValueError where the file is damaged."""
        return self._file.read("waveform", row)

    def targets(self, rows: list[int]) -> np.ndarray:
        """(len(rows), num_classes) bool; reads all rows between the first and the last."""
        first = min(rows)
        target = self._file.read("target", slice(first, max(rows) + 1)).astype(bool)
        return target[np.asarray(rows) - first]
