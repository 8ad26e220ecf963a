"""Packed arrays: a folder of HDF5 parts, memory-mapped, whose rows are numbered across parts."""

from pathlib import Path

import h5py
import numpy as np

from uss.files import atomic

PART_NAME = "part_{:04d}.h5"


def part_path(folder: Path, part: int) -> Path:
    return folder / PART_NAME.format(part)


def write_part(
    path: Path, datasets: dict[str, np.ndarray | list[str]], **attributes: object
) -> None:
    """Write equally long arrays, contiguous so that readers can map them, atomically.

    A list holds strings, which are stored as UTF-8.
    """
    lengths = {len(values) for values in datasets.values()}
    assert len(lengths) == 1, lengths
    with atomic(path) as temporary, h5py.File(temporary, "w") as file:
        for name, values in datasets.items():
            if isinstance(values, list):
                values = np.asarray([value.encode() for value in values], "S" if values else "S1")
            file.create_dataset(name, data=values)
        file.attrs.update(attributes)


class Packed:
    """The parts of a folder as one table of rows.

    Args:
        folder: holds part_0000.h5, part_0001.h5, ...
        stage: the stage that writes the folder, for the message where it is missing.

    Raises:
        ValueError: no parts, or a part that does not open.
    """

    def __init__(self, folder: Path | str, stage: int) -> None:
        self.folder = Path(folder)
        self.stage = stage
        self.paths = sorted(self.folder.glob("part_*.h5"))
        if not self.paths:
            raise ValueError(
                f"{folder} has no parts; stage {stage} writes them: "
                f"./run.sh --stage {stage} --stop-stage {stage}"
            )
        self.attributes: dict[str, object] = {}
        self._maps: dict[str, list[np.ndarray]] = {}
        for path in self.paths:
            self._open(path)
        lengths = [len(array) for array in next(iter(self._maps.values()))]
        self._starts = np.cumsum([0, *lengths])

    def _open(self, path: Path) -> None:
        try:
            with h5py.File(path, "r") as file:
                self.attributes.update(file.attrs)
                for name, dataset in file.items():
                    self._maps.setdefault(name, []).append(_map(path, dataset))
        except (OSError, RuntimeError) as error:
            raise ValueError(
                f"{path}: broken ({error}); remove it and run stage {self.stage} again"
            ) from None

    def __len__(self) -> int:
        return int(self._starts[-1])

    def part_rows(self) -> list[range]:
        """The row numbers of each part."""
        return [
            range(int(start), int(stop))
            for start, stop in zip(self._starts[:-1], self._starts[1:], strict=True)
        ]

    def strings(self, name: str) -> list[str]:
        return [value.decode() for part in self._maps[name] for value in part]

    def width(self, name: str) -> tuple[int, ...]:
        """Shape of one row."""
        return self._maps[name][0].shape[1:]

    def read(self, name: str, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), ...) in the order asked for."""
        rows = np.asarray(rows, dtype=np.int64)
        maps = self._maps[name]
        result = np.empty((len(rows), *maps[0].shape[1:]), maps[0].dtype)
        part_of_row = np.searchsorted(self._starts, rows, side="right") - 1
        for part in np.unique(part_of_row):
            here = np.flatnonzero(part_of_row == part)
            result[here] = maps[part][rows[here] - self._starts[part]]
        return result


def _map(path: Path, dataset: h5py.Dataset) -> np.ndarray:
    """The data of a contiguous dataset, mapped; others are read whole."""
    offset = dataset.id.get_offset()
    if offset is None or dataset.size == 0:
        return dataset[:]
    end = offset + dataset.size * dataset.dtype.itemsize
    if end > path.stat().st_size:
        raise OSError("the file ends within its data")
    dtype = np.dtype(bool) if h5py.check_enum_dtype(dataset.dtype) else dataset.dtype
    return np.memmap(path, dtype=dtype, mode="r", offset=offset, shape=dataset.shape)
