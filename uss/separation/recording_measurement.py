"""A recording through a model as through `uss separate`, in windows, each channel by itself; and
measured at its own rate, over all channels and samples."""

import logging
from collections.abc import Iterator

import numpy as np
import torch

from uss.audio import BadAudio, dbfs, decode
from uss.evaluation import metrics
from uss.evaluation.results import EMBEDDINGS
from uss.separation.interface import SoundSeparator
from uss.tables import FramesResult, Recording, Result

# A reference none of whose seconds is as loud is silent: SDR says nothing of it, and it has no
# oracle embedding.
SILENCE_DBFS = -50.0

logger = logging.getLogger(__name__)


def measure(
    model: SoundSeparator, system: str, rows: list[Recording]
) -> Iterator[tuple[Result, list[FramesResult]]]:
    """Of one mixture, for all of its references that sound; the others are named.

    Raises:
        ValueError: files that cannot be read, or are not alike.
    """
    mixture, rate = read(rows[0].mixture_path)
    references = {row: read_like(row.path, mixture, rate) for row in rows}
    for row, reference in list(references.items()):
        if is_silent(reference, rate):
            logger.warning("%s is left out: %s is silent", row.mixture_id, row.path)
            del references[row]
    sounding = list(references)
    for embedding in EMBEDDINGS if sounding else ():
        queries = [
            row.class_id if embedding == "average" else model.example(references[row], rate)
            for row in sounding
        ]
        estimates = dict(zip(sounding, model.separate(mixture, rate, queries), strict=True))
        frames = frames_of(list(references.values()), list(estimates.values()), rate)
        for row, of_frames in zip(sounding, frames, strict=True):
            arrays = [references[row], estimates[row], mixture]
            target, estimate, mixed = (torch.from_numpy(array.ravel()) for array in arrays)
            numbers = (
                metrics.sdr(target, estimate),
                metrics.sdri(target, estimate, mixed),
                metrics.si_sdr(target, estimate),
            )
            key = (system, embedding, row.mixture_id, row.class_id)
            result = Result(*key, row.group, *(round(number.item(), 4) for number in numbers))
            value = np.nanmedian(of_frames) if np.isfinite(of_frames).any() else np.nan
            yield result, [FramesResult(*key, float(value))] if np.isfinite(value) else []


def frames_of(
    references: list[np.ndarray], estimates: list[np.ndarray], frame: int
) -> list[np.ndarray]:
    """museval's SDR of each frame, of each source; NaN in all where one of them is silent."""
    silent = np.any([metrics.silent_frames(x, frame) for x in [*references, *estimates]], axis=0)
    return [
        np.where(silent, np.nan, metrics.frames_sdr(reference, estimate, frame))
        for reference, estimate in zip(references, estimates, strict=True)
    ]


def is_silent(waveform: np.ndarray, rate: int) -> bool:
    seconds = (waveform[:, start : start + rate] for start in range(0, waveform.shape[1], rate))
    return max(dbfs(second) for second in seconds) < SILENCE_DBFS


def read(path: str) -> tuple[np.ndarray, int]:
    """(channels, samples) float32, and the rate."""
    try:
        return decode(path)
    except BadAudio as error:
        raise ValueError(f"{path}: {error}; put a whole file there") from None


def read_like(path: str, mixture: np.ndarray, rate: int) -> np.ndarray:
    waveform, own_rate = read(path)
    if (waveform.shape, own_rate) != (mixture.shape, rate):
        raise ValueError(
            f"{path}: {waveform.shape[0]} channels, {waveform.shape[1]} samples at {own_rate} Hz; "
            f"its mixture has {mixture.shape[0]}, {mixture.shape[1]} and {rate} Hz"
        )
    return waveform
