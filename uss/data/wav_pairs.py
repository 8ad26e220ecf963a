"""Mixtures as WAV pairs in the layout of bytedance/uss, in which other systems are evaluated.

FOLDER/class_id=<k>/class_id=<k>,index=<iii>,{mixture,source}.wav: k is the index of the target's
class, i counts the class's mixtures. A mixture is its source plus what is to be removed.
"""

import re
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss.audio import BadAudio, decode

MIXTURE = re.compile(r"class_id=(\d+),index=(\d+),mixture\.wav")


class WavPair(NamedTuple):
    """One mixture of a folder."""

    class_index: int
    index: int  # type: ignore[assignment]  # it hides tuple.index, which nobody calls
    mixture: Path
    source: Path


def pair_paths(folder: Path, class_index: int, index: int) -> WavPair:
    """Where a mixture lies."""
    stem = f"class_id={class_index},index={index:03d}"
    directory = folder / f"class_id={class_index}"
    mixture, source = (directory / f"{stem},{name}.wav" for name in ("mixture", "source"))
    return WavPair(class_index, index, mixture, source)


def list_pairs(folder: Path, num_classes: int) -> list[WavPair]:
    """All mixtures of a folder, by class and index.

    Raises:
        ValueError: none, a mixture without its source, or a class that is not there.
    """
    pairs = []
    for path in folder.glob("class_id=*/*,mixture.wav"):
        match = MIXTURE.fullmatch(path.name)
        if match is None:
            raise ValueError(f"{path}: expected class_id=<k>,index=<iii>,mixture.wav")
        source = path.with_name(path.name.replace(",mixture.wav", ",source.wav"))
        pair = WavPair(int(match[1]), int(match[2]), path, source)
        if not source.exists():
            raise ValueError(f"{path} has no {source.name} beside it")
        if pair.class_index >= num_classes:
            raise ValueError(
                f"{path}: class {pair.class_index}, but data/classes.csv ends at {num_classes - 1}"
            )
        pairs.append(pair)
    if not pairs:
        raise ValueError(f"{folder} holds no class_id=<k>/class_id=<k>,index=<iii>,mixture.wav")
    return sorted(pairs)


def read_pair(pair: WavPair, sample_rate: int, num_samples: int) -> np.ndarray:
    """(2, num_samples) float32: the source, and the rest of the mixture at its level there.

    Raises:
        ValueError: a file that is not mono of that rate and length, or holds a sample that is no
            sound (not finite, or beyond 1e6).
    """
    signals = []
    for path in (pair.source, pair.mixture):
        try:
            waveform, rate = decode(path)
        except BadAudio as error:
            raise ValueError(f"{path}: {error}") from None
        if rate != sample_rate or waveform.shape != (1, num_samples):
            raise ValueError(
                f"{path}: {waveform.shape[0]} channels, {waveform.shape[1]} samples at {rate} Hz; "
                f"the recipe's anchors are mono, {num_samples} samples at {sample_rate} Hz"
            )
        signals.append(waveform[0])
    source, mixture = signals
    return np.stack([source, mixture - source])
