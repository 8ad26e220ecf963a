"""Stage 7 on whole recordings of any length, with their references: the test sets of others.

A recording goes through a model as through `uss separate`, in windows, each channel by itself, and
is measured at its own rate over all channels and samples. museval's SDR of frames of one second,
which the field reports for music, stands in frames_*.csv beside part_*.csv.
"""

import logging
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from uss.audio import BadAudio, dbfs, decode
from uss.evaluation import metrics
from uss.evaluation.results import EMBEDDINGS
from uss.evaluation.units import Unit
from uss.files import Step, code_version, digest, digest_of_stats
from uss.labels import read_classes
from uss.layout import CLASSES, EXPERIMENTS, PANNS, RECORDINGS, RECORDINGS_RESULTS
from uss.layout import EMBEDDINGS as AVERAGES
from uss.model_store.model_config import config_digest, newest_checkpoint, read_config
from uss.schema import Evaluate
from uss.separation.interface import SoundSeparator
from uss.shards import parts
from uss.tables import FramesResult, Recording, Result, read_table, write_table

# A reference none of whose seconds is as loud is silent: SDR says nothing of it, and it has no
# oracle embedding.
SILENCE_DBFS = -50.0

logger = logging.getLogger(__name__)


class RecordingsEvaluation:
    """The units of the systems, and what each of them does.

    Args:
        name: of the experiment; systems: with all that `uss separate` needs, after stage 6.
    """

    def __init__(self, name: str, systems: list[str], config: Evaluate) -> None:
        self.directory = EXPERIMENTS / name
        self.systems, self.config = systems, config
        self.mixtures = by_mixture(read_table(RECORDINGS, Recording))

    def units(self) -> list[Unit]:
        all_rows = parts(len(self.mixtures), self.config.mixtures_per_part)
        return [
            Unit(system, "recordings", number, rows, len(all_rows))
            for system in self.systems
            for number, rows in enumerate(all_rows)
        ]

    def step(self, unit: Unit) -> Step:
        """The record that decides whether the unit has to run."""
        model = self.directory / unit.system
        files = {Path(path) for row in self.rows(unit) for path in (row.mixture_path, row.path)}
        inputs: dict[str, Path | str | None] = {
            "recordings": RECORDINGS,
            "audio": digest_of_stats(sorted(files)),
            "model": model / "config.yaml",
            "weights": newest_checkpoint(model),
            "average_embeddings": model / AVERAGES,
            "panns": model / PANNS,
        }
        output = model / RECORDINGS_RESULTS / f"part_{unit.number:04d}.csv"
        return Step(output, inputs, {"mixtures": [unit.rows.start, unit.rows.stop]})

    def rows(self, unit: Unit) -> list[Recording]:
        return [row for number in unit.rows for row in self.mixtures[number]]

    def run(self, unit: Unit, step: Step) -> None:
        model = SoundSeparator(self.directory / unit.system)
        results: list[Result] = []
        frames: list[FramesResult] = []
        for number in unit.rows:
            for result, of_frames in measure(model, unit.system, self.mixtures[number]):
                results.append(result)
                frames += of_frames
        beside = step.output.with_name(f"frames_{unit.number:04d}.csv")
        write_table(beside, frames, FramesResult)
        write_table(step.output, results, Result)
        config = read_config(self.directory / unit.system)
        step.finish(
            [beside],
            config_digest=config_digest(config),
            seed=config["training"]["seed"],
            list_digest=digest(RECORDINGS),
            num_classes=len(read_classes(CLASSES)),
            num_parts=unit.num_parts,
            museval={"num": 0, "max_difference": 0.0},
            cost=None,
            commit=code_version(),
            training_commit=config["facts"].get("code"),
        )


def by_mixture(rows: list[Recording]) -> list[list[Recording]]:
    """The references of each mixture, mixtures in the order in which they come first."""
    found: dict[str, list[Recording]] = {}
    for row in rows:
        found.setdefault(row.mixture_path, []).append(row)
    return list(found.values())


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
            signals = [references[row], estimates[row], mixture]
            reference, estimate, mixed = (torch.from_numpy(signal.ravel()) for signal in signals)
            numbers = (
                metrics.sdr(reference, estimate),
                metrics.sdri(reference, estimate, mixed),
                metrics.si_sdr(reference, estimate),
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
