"""The example mixtures that evaluation has written as WAV files: one folder each."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uss.audio import decode


@dataclass
class Example:
    """Waveforms of one mixture at a common level.

    Attributes:
        mixture_id: also the folder's name.
        rate: in Hz.
        waveforms: `mixture`, `target`, then system -> (samples,) float32.
    """

    mixture_id: str
    rate: int
    waveforms: dict[str, np.ndarray]


def read_examples(folders: list[Path], systems: list[str]) -> dict[str, Example]:
    """mixture_id -> example of each folder `exp/<name>/examples/<mixture_id>`.

    Raises:
        ValueError: a file of one is missing.
    """
    return {folder.name: _read(folder, systems) for folder in folders}


def _read(folder: Path, systems: list[str]) -> Example:
    waveforms = {}
    for name in ["mixture", "target", *systems]:
        path = folder / f"{name}.wav"
        if not path.exists():
            raise ValueError(f"{path} is missing; stage 7 writes it: ./run.sh --stage 7")
        channels, rate = decode(path)
        waveforms[name] = channels[0]
    return Example(folder.name, rate, waveforms)
