"""How much a system relies on its A-MAE features: development mixtures with another's features.

Reads data/mixtures/dev.csv, data/dev/anchors/, exp/<name>/<system>/, exp/<name>/
average_embeddings.h5; conf/evaluate.yaml. Writes OUTPUT, JSON: system -> average embedding's SDRi
in dB with the features of the mixture itself and with those of another mixture of the list, and the
paired difference, each with its interval.

    python experiments/amae_gain/swap_features.py --name fold0 --systems mae_aligned \
        --output swapped.json
"""

import logging
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from uss.command import add_name, add_systems, parser, run
from uss.config import load
from uss.data.anchor_set import AnchorSet
from uss.data.averages import read_average_embeddings
from uss.data.dataset import Dataset
from uss.data.mixing import Mix
from uss.data.mixture_list import Batch, MixtureList
from uss.distributed import device
from uss.evaluation.metrics import sdri
from uss.evaluation.scoring import Estimator, separations, target_of
from uss.evaluation.statistics import Estimate, Strata, bootstrap, class_values, estimate
from uss.files import write_json
from uss.layout import DATA, EXPERIMENTS
from uss.model_store.loading import load_separator
from uss.models.mae_resunet import Separator
from uss.schema import Evaluate

KINDS = ("own", "swapped")
PURPOSE = 109  # of a generator: default_rng([seed, purpose, ...])

logger = logging.getLogger("swap_features")


def swapping(separator: Separator, average: np.ndarray) -> Estimator:
    """Estimates with the mixture's own features, and with those of the next one of the batch.

    average: (classes, query size), the query of each class.
    """

    def estimates(mixed: Mix, batch: Batch, classes: np.ndarray) -> Iterator[tuple[str, Tensor]]:
        query = torch.from_numpy(average[classes]).to(mixed.mixture.device)
        assert separator.amae is not None  # `measure` refuses systems without
        features = separator.amae(mixed.mixture)
        for kind, used in zip(KINDS, (features, features.roll(1, dims=0)), strict=True):
            yield kind, separator(mixed.mixture, query, used)

    return estimates


def summarise(values: np.ndarray, strata: Strata, config: Evaluate) -> dict[str, Estimate]:
    """Headlines and their paired difference; values (own and swapped, mixtures) in dB."""
    headlines = class_values(values, strata, config.summary).mean(axis=1)
    generator = np.random.default_rng([config.seed, PURPOSE, 1])
    draws = bootstrap(values, strata, config.summary, config.num_draws, generator)
    result = {kind: estimate(headlines[k], draws[:, k]) for k, kind in enumerate(KINDS)}
    result["difference"] = estimate(headlines[1] - headlines[0], draws[:, 1] - draws[:, 0])
    return result


def measure(directory: Path, config: Evaluate) -> dict[str, Estimate]:
    """Of one system; a mixture's other is drawn from the whole list.

    Raises ValueError where the system has no A-MAE, or a batch would hold one mixture.
    """
    loaded = load_separator(directory)
    if loaded.separator.amae is None:
        raise ValueError(f"{directory} has no A-MAE features to swap")
    loaded.separator.to(device())
    mixtures = MixtureList(DATA / "mixtures" / "dev.csv", AnchorSet(DATA / "dev", "anchors"))
    order = np.random.default_rng([config.seed, PURPOSE]).permutation(len(mixtures.mixtures))
    if 1 in (config.batch_size, len(order) % config.batch_size):
        raise ValueError("evaluate.yaml: batch_size leaves a mixture alone, with none to swap with")
    averages = read_average_embeddings(directory.parent / "average_embeddings.h5")
    average = getattr(averages, loaded.system.query_field)
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    batches = separations(
        swapping(loaded.separator, average),
        loaded.system.normalization,
        mixtures,
        order.tolist(),
        Dataset(DATA).classes.ids,
        config.batch_size,
        device(),
    )
    for separated in tqdm(batches, disable=None):
        values = sdri(separated.target, separated.estimate, separated.mixture)
        found[separated.embedding] += values.tolist()
    targets = [target_of(mixtures, row) for row in order]
    strata = Strata([row.class_id for row in targets], [row.group for row in targets])
    return summarise(np.array([found[kind] for kind in KINDS]), strata, config)


def main(argv: list[str] | None = None) -> None:
    arguments = add_systems(add_name(parser(__doc__)))
    arguments.add_argument("--output", type=Path, required=True, help="JSON, to be written")
    options = arguments.parse_args(argv)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    result = {}
    for system in options.systems:
        measured = measure(EXPERIMENTS / options.name / system, config)
        logger.info(
            "%s: SDRi %.2f dB with its own features, %.2f dB with another mixture's",
            system,
            measured["own"].value,
            measured["swapped"].value,
        )
        result[system] = {kind: asdict(value) for kind, value in measured.items()}
    write_json(options.output, result)


if __name__ == "__main__":
    run(main)
