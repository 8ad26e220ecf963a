"""Run a system over rows of a mixture list and measure what it gives."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from uss.audio import write_wav
from uss.data.averages import AverageEmbeddings
from uss.data.mixing import Mix, mix
from uss.data.mixtures import Batch, MixtureList
from uss.evaluation import metrics
from uss.evaluation.ideal_ratio_mask import separate as separate_ideally
from uss.models.mae_resunet import Separator
from uss.models.stft import Stft
from uss.schema import System
from uss.tables import Result

# (the mix, the batch as read) -> (embedding, estimate (batch, samples) at the mix's level) pairs
Estimator = Callable[[Mix, Batch, np.ndarray], Iterator[tuple[str, Tensor]]]


def separator_estimates(separator: Separator, averages: AverageEmbeddings) -> Estimator:
    """Estimates with the target's own embedding (oracle) and with its class's average."""
    device = next(separator.parameters()).device
    use_embedding = separator.system.query == "embedding"
    average = averages.embedding if use_embedding else averages.probabilities

    def estimate(mixed: Mix, batch: Batch, classes: np.ndarray) -> Iterator[tuple[str, Tensor]]:
        oracle = batch.embedding if use_embedding else batch.probabilities
        features = None if separator.amae is None else separator.amae(mixed.mixture)
        for embedding, condition in (("oracle", oracle), ("average", average[classes])):
            condition = torch.from_numpy(condition).to(device)
            yield embedding, separator(mixed.mixture, condition, features)

    return estimate


def ideal_estimates(system: System, device: torch.device) -> Estimator:
    """The bound: the ideal ratio mask of the system's STFT, once, with the truth."""
    stft = Stft(system.stft.window_size, system.stft.hop_size).to(device)

    def estimate(mixed: Mix, batch: Batch, classes: np.ndarray) -> Iterator[tuple[str, Tensor]]:
        interferer = mixed.mixture - mixed.target
        yield "oracle", separate_ideally(mixed.mixture, mixed.target, interferer, stft)

    return estimate


@torch.inference_mode()
def score(
    name: str,
    estimator: Estimator,
    normalization: str,
    mixtures: MixtureList,
    rows: range,
    class_ids: list[str],
    batch_size: int,
    device: torch.device,
    example_dirs: dict[int, Path],
) -> list[Result]:
    """Metrics of rows of a list; the examples among them are written as WAV files.

    The level of the recording is restored before anything is measured. With the normalisation
    `per_signal` the network is asked for a target at another level than the mixture's, and is
    measured against that.

    Args:
        name: of the system in the results.
        normalization: `System.normalization`.
        class_ids: the recipe's classes in order.
        example_dirs: row -> folder of its example.
    """
    index_of = {class_id: index for index, class_id in enumerate(class_ids)}
    results = []
    for start in range(rows.start, rows.stop, batch_size):
        batch_rows = range(start, min(start + batch_size, rows.stop))
        batch = mixtures.batch(batch_rows)
        anchors = [mixtures.anchors.anchors[mixtures.target_rows[row]] for row in batch_rows]
        classes = np.array([index_of[anchor.class_id] for anchor in anchors])
        mixed = mix(
            torch.from_numpy(batch.target).to(device),
            torch.from_numpy(batch.interferer).to(device),
            normalization,
            mixtures.anchors.at_mixture_level,
        )
        mixture, target = mixed.mixture * mixed.scale, mixed.target * mixed.scale
        for embedding, estimate in estimator(mixed, batch, classes):
            estimate = estimate * mixed.scale
            values = torch.stack(
                [
                    metrics.sdr(target, estimate),
                    metrics.sdri(target, estimate, mixture),
                    metrics.si_sdr(target, estimate),
                ],
                dim=1,
            ).tolist()
            for row, anchor, numbers in zip(batch_rows, anchors, values, strict=True):
                mixture_id = mixtures.mixtures[row].mixture_id
                rounded = [round(number, 4) for number in numbers]
                results.append(
                    Result(name, embedding, mixture_id, anchor.class_id, anchor.group, *rounded)
                )
            for row in example_dirs.keys() & set(batch_rows):
                signals = {"mixture": mixture, "target": target, name: estimate}
                for signal, waveform in signals.items():
                    if signal == name or embedding == "oracle":
                        samples = waveform[row - start].cpu().numpy()
                        path = example_dirs[row] / f"{signal}.wav"
                        write_wav(path, samples, mixtures.anchors.sample_rate)
    return results
