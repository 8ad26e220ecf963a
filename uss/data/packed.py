"""Packed arrays: a folder of HDF5 parts, memory-mapped, whose rows are numbered across parts."""

from collections.abc import Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from uss import hdf5
from uss.files import digest_of_files
from uss.layout import command_of_stage

PART_NAME = "part_{:04d}.h5"
MAX_MAPS = 128  # open at a time: each holds a file descriptor, of which a process may have 256


def part_path(folder: Path, part: int) -> Path:
    return folder / PART_NAME.format(part)


def write_part(
    path: Path, datasets: Mapping[str, np.ndarray | list[str]], **attributes: object
) -> None:
    """Write equally long arrays, contiguous so that readers can map them, atomically.

    A list holds strings, which are stored as UTF-8.
    """
    lengths = {len(values) for values in datasets.values()}
    assert len(lengths) == 1, lengths
    with hdf5.created(path) as file:
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
        ValueError: no parts, a part that is missing, broken or no packed arrays, parts of
            different runs.
    """

    def __init__(self, folder: Path | str, stage: int) -> None:
        self.folder = Path(folder)
        self.stage = stage
        num_parts = len(list(self.folder.glob("part_*.h5")))
        self.paths = [part_path(self.folder, part) for part in range(num_parts)]
        if not self.paths:
            raise ValueError(
                f"{folder} has no parts; stage {stage} writes them: {command_of_stage(stage)}"
            )
        self._layouts = [self._layout(path) for path in self.paths]
        self.attributes = self._layouts[0].attributes
        for path, layout in zip(self.paths, self._layouts, strict=True):
            if layout.kind() != self._layouts[0].kind():
                raise ValueError(
                    f"{path} and {self.paths[0]} were made with different settings; {self._remedy}"
                )
        self._starts = np.cumsum([0, *[layout.num_rows() for layout in self._layouts]])
        self._reading = object()  # maps of this instance alone: parts may be written again

    def _layout(self, path: Path) -> "Layout":
        with hdf5.Reader(path, f"remove it and {self._remedy}") as file:
            arrays = {name: file.stored(name) for name in file.names()}
            for name, array in arrays.items():
                if array.offset is None and 0 not in array.shape:
                    raise file.fault(f"{name} is not contiguous")
            lengths = {name: array.shape[0] for name, array in arrays.items()}
            if len(set(lengths.values())) != 1:
                raise file.fault(f"its datasets differ in length: {lengths}")
            return Layout(file.attributes(), arrays)

    @property
    def _remedy(self) -> str:
        return f"run stage {self.stage} again: {command_of_stage(self.stage)}"

    def require(self, name: str, kinds: str, *sizes: str) -> None:
        """Raises ValueError unless a dataset is of one of these types (by spaces; `text`), with
        one dimension a name."""
        if name not in self:
            raise ValueError(f"{self.paths[0]} lacks {name}; {self._remedy}")
        stored = self._layouts[0].arrays[name]
        hdf5.refuse_other_form(self.paths[0], self._remedy, name, stored, kinds, *sizes)

    def number(self, name: str, low: int = 1, high: int = hdf5.MAX_NUMBER) -> int:
        """An attribute that is a whole number in a range."""
        value = self.attributes.get(name)
        return hdf5.whole(value, self.paths[0], name, self._remedy, low, high)

    def _part(self, name: str, part: int) -> np.ndarray:
        """One dataset of one part, mapped."""
        return _map(self.paths[part], self._layouts[part].arrays[name], self._reading)

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __contains__(self, name: str) -> bool:
        return name in self._layouts[0].arrays

    @cached_property
    def digest(self) -> str:
        """Of the contents of all parts."""
        return digest_of_files(self.paths)

    def part_rows(self) -> list[range]:
        """The row numbers of each part."""
        return [
            range(int(start), int(stop))
            for start, stop in zip(self._starts[:-1], self._starts[1:], strict=True)
        ]

    def strings(self, name: str) -> list[str]:
        self.require(name, "text", "rows")
        result = []
        for part, path in enumerate(self.paths):
            values = self._part(name, part).tolist()
            result += hdf5.decoded(values, f"{path}: {name}", self._remedy)
        return result

    def width(self, name: str) -> tuple[int, ...]:
        """Shape of one row."""
        return self._layouts[0].arrays[name].shape[1:]

    def read(self, name: str, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), ...) in the order asked for."""
        rows = np.asarray(rows, dtype=np.int64)
        result = np.empty((len(rows), *self.width(name)), self._layouts[0].arrays[name].dtype)
        part_of_row = np.searchsorted(self._starts, rows, side="right") - 1
        for part in np.unique(part_of_row):
            here = np.flatnonzero(part_of_row == part)
            result[here] = self._part(name, part)[rows[here] - self._starts[part]]
        return result


class Layout(NamedTuple):
    """What a part holds."""

    attributes: dict[str, Any]
    arrays: dict[str, hdf5.Stored]

    def num_rows(self) -> int:
        return next(iter(self.arrays.values())).shape[0]

    def kind(self) -> tuple:
        """What all parts of a folder have in common. Strings differ in length."""
        rows = {
            name: (array.shape[1:], array.dtype.kind if array.dtype.kind == "S" else array.dtype)
            for name, array in self.arrays.items()
        }
        return self.attributes, rows


@lru_cache(MAX_MAPS)
def _map(path: Path, array: hdf5.Stored, reading: object) -> np.ndarray:
    """For all folders that a process reads: the map that was not read for longest makes room."""
    if array.offset is None:  # it is empty
        return np.zeros(array.shape, array.dtype)
    return np.memmap(path, array.dtype, "r", array.offset, array.shape)
