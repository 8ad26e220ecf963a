"""Cached A-MAE features of listed mixtures, float16."""

from pathlib import Path

import numpy as np

from uss.data.packed import Packed
from uss.schema import System


def feature_set_name(system: System) -> str:
    """The folder's name: all that the cached numbers depend on beside A-MAE and list."""
    amae = system.amae
    grid = "_grid" if amae.on_grid else ""  # not yet pooled over frequency
    untrained = "" if amae.pretrained else "_untrained"
    return f"{amae.features}{grid}{untrained}_{system.normalization}"


def needs_cache(system: System) -> bool:
    return system.amae.features != "none" and system.amae.source == "cached"


class FeatureSet:
    """The features of one mixture list; row i belongs to the list's row i."""

    def __init__(self, data: Path | str, system: System, list_name: str = "train") -> None:
        folder = feature_dir(Path(data), system, list_name)
        self.packed = Packed(folder, stage=4)
        sizes = ("mixtures", "steps", *(("patches",) if system.amae.on_grid else ()), "width")
        self.packed.require("features", "float16", *sizes)

    def __len__(self) -> int:
        return len(self.packed)

    def read(self, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), steps, width) float16; (len(rows), steps, mel patches, width) for
        the fusions that keep the grid."""
        return self.packed.read("features", rows)


def feature_dir(data: Path, system: System, list_name: str = "train") -> Path:
    return data / "features" / feature_set_name(system) / list_name
