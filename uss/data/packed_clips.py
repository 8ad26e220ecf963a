"""Clips that others packed: HDF5 files of audioset_tagging_cnn or bytedance/uss, read in place."""

from pathlib import Path

import h5py
import numpy as np

DATASETS = ("audio_name", "waveform", "target")


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
        try:
            self._file = h5py.File(path, "r", locking=False)  # often on a read-only disk
        except OSError as error:
            raise ValueError(f"{path}: no HDF5 file, or broken ({error})") from None
        missing = [name for name in DATASETS if name not in self._file]
        if missing or "sample_rate" not in self._file.attrs:
            raise ValueError(
                f"{path} lacks {', '.join(missing) or 'the attribute sample_rate'}: expected a "
                "waveform file as audioset_tagging_cnn packs it, not one of its indexes"
            )
        waveform = self._file["waveform"]
        if waveform.dtype != np.int16 or waveform.ndim != 2:
            raise ValueError(
                f"{path}: waveform is {waveform.dtype} {waveform.shape}, expected int16 "
                "(clips, samples); pack it again with the present audioset_tagging_cnn"
            )
        self.names = [name.decode() for name in self._file["audio_name"][:]]
        lengths = {name: len(self._file[name]) for name in DATASETS}
        if len(set(lengths.values())) != 1:
            raise ValueError(f"{path}: its datasets differ in length: {lengths}")
        self.sample_rate = int(self._file.attrs["sample_rate"])
        self.num_samples = waveform.shape[1]

    def waveform(self, row: int) -> np.ndarray:
        """(num_samples,) int16. Raises ValueError where the file is damaged."""
        return self._read("waveform", row)

    def targets(self, rows: list[int]) -> np.ndarray:
        """(len(rows), num_classes) bool; reads all rows between the first and the last."""
        first = min(rows)
        target = self._read("target", slice(first, max(rows) + 1)).astype(bool)
        return target[np.asarray(rows) - first]

    def _read(self, name: str, rows: int | slice) -> np.ndarray:
        try:
            return self._file[name][rows]
        except OSError as error:
            raise ValueError(f"{self.path}: {name} {rows} cannot be read ({error})") from None
