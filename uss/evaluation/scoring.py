"""Run a system over rows of a mixture list and measure what it gives."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from uss.data.averages import AverageEmbeddings
from uss.data.mixing import Mix, mix
from uss.data.mixture_list import Batch, MixtureList
from uss.evaluation import metrics
from uss.evaluation.cross_check import CrossCheck
from uss.evaluation.ideal_ratio_mask import separate as separate_ideally
from uss.models.mae_resunet import Separator
from uss.models.stft import Stft
from uss.schema import System
from uss.tables import Anchor, Result

# (the mix, the batch as read) -> (embedding, estimate (batch, samples) at the mix's level) pairs
Estimator = Callable[[Mix, Batch, np.ndarray], Iterator[tuple[str, Tensor]]]


def separator_estimates(separator: Separator, averages: AverageEmbeddings) -> Estimator:
    """Estimates with the target's own embedding (oracle) and with its class's average.

    Both share the mixture's STFT and A-MAE features.
    """
    device = next(separator.parameters()).device
    field = separator.system.query_field
    average = getattr(averages, field)

    def estimate(mixed: Mix, batch: Batch, classes: np.ndarray) -> Iterator[tuple[str, Tensor]]:
        features = None if separator.amae is None else separator.amae(mixed.mixture)
        spectrum = separator.stft(mixed.mixture)
        queries = {"oracle": getattr(batch, field), "average": average[classes]}
        for embedding, values in queries.items():
            separated = separator.masked(spectrum, torch.from_numpy(values).to(device), features)
            yield embedding, separator.stft.inverse(separated, mixed.mixture.shape[1])

    return estimate


def ideal_estimates(system: System, device: torch.device) -> Estimator:
    """The bound: the ideal ratio mask of the system's STFT, once, with the truth."""
    stft = Stft(system.stft.window_size, system.stft.hop_size).to(device)

    def estimate(mixed: Mix, batch: Batch, classes: np.ndarray) -> Iterator[tuple[str, Tensor]]:
        interferer = mixed.mixture - mixed.target
        yield "oracle", separate_ideally(mixed.mixture, mixed.target, interferer, stft)

    return estimate


class Separated(NamedTuple):
    """A batch at the recordings' level: rows of the list, and what one embedding gave for them.

    mixture, target, estimate: (batch, samples).
    """

    rows: list[int]
    mixture: Tensor
    target: Tensor
    embedding: str
    estimate: Tensor


@torch.inference_mode()
def separations(
    estimator: Estimator,
    normalization: str,
    mixtures: MixtureList,
    rows: Sequence[int],
    class_ids: list[str],
    batch_size: int,
    device: torch.device,
) -> Iterator[Separated]:
    """Rows of a list through a system, batch by batch and embedding by embedding.

    The level of the recording is restored before anything is measured. With the normalisation
    `per_signal` the network is asked for a target at another level than the mixture's, and is
    measured against that.

    Args:
        normalization: `System.normalization`.
        class_ids: the recipe's classes in order.
    """
    index_of = {class_id: index for index, class_id in enumerate(class_ids)}
    for start in range(0, len(rows), batch_size):
        batch_rows = list(rows[start : start + batch_size])
        batch = mixtures.batch(batch_rows)
        classes = np.array([index_of[target_of(mixtures, row).class_id] for row in batch_rows])
        mixed = mix(
            torch.from_numpy(batch.target).to(device),
            torch.from_numpy(batch.interferer).to(device),
            normalization,
            mixtures.anchors.at_mixture_level,
        )
        mixture, target = mixed.mixture * mixed.scale, mixed.target * mixed.scale
        for embedding, estimate in estimator(mixed, batch, classes):
            yield Separated(batch_rows, mixture, target, embedding, estimate * mixed.scale)


def target_of(mixtures: MixtureList, row: int) -> Anchor:
    return mixtures.anchors.anchors[mixtures.target_rows[row]]


def score(
    name: str, batches: Iterable[Separated], mixtures: MixtureList, checked: CrossCheck
) -> list[Result]:
    """Metrics of what `separations` gives.

    Args:
        name: of the system in the results.
        checked: measures the sampled rows among them with museval too.
    """
    results = []
    for rows, mixture, target, embedding, estimate in batches:
        metrics_of = torch.stack(
            [
                metrics.sdr(target, estimate),
                metrics.sdri(target, estimate, mixture),
                metrics.si_sdr(target, estimate),
            ],
            dim=1,
        ).tolist()
        for position, (row, numbers) in enumerate(zip(rows, metrics_of, strict=True)):
            if row in checked.rows:
                signals = (signal[position].numpy(force=True) for signal in (target, estimate))
                checked.compare(row, numbers[0], *signals)
            anchor, mixture_id = target_of(mixtures, row), mixtures.mixtures[row].mixture_id
            rounded = [round(number, 4) for number in numbers]
            results.append(
                Result(name, embedding, mixture_id, anchor.class_id, anchor.group, *rounded)
            )
    return results
