"""What each block of an A-MAE tells of a sound's class, by cross-validation over recordings.

uss.bin.probe tries a classifier on the development anchors, of one or two recordings a class. Here
each recording of the training and the development split is tried once, by a classifier trained on
four fifths of the others: NUM_FOLDS folds of recordings, which are not the recipe's. So more than
four times as many say what the difference of two A-MAEs is worth. (The A-MAE was pretrained,
without labels, on those of the training split.) The A-MAE of a separator that updated it was shown
the sounds of the training split with queries of their classes: `--splits dev eval` tries it on
recordings that are new to it.

Reads data/<split>/anchors/, data/classes.csv, conf/evaluate.yaml (the bootstrap's seed and draws),
conf/pretrained.yaml, data/amae/config.yaml, and the A-MAEs, each in a directory of stage 4 or of a
separator. Writes OUTPUT, JSON: the accuracy in the mean over recordings, then over classes, of the
log-mel filterbank and of the features of each block of each A-MAE and of an untrained one, with
data/amae's shape and seed, with 95 % intervals; and the paired gain of each A-MAE's last block over
each of the others'.

    python experiments/amae_gain/probe_blocks.py --amae A-MAE=data/amae --output probe_blocks.json
"""

import argparse
import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from tqdm import tqdm

from uss.bin.probe import of_anchors
from uss.command import parser, run
from uss.config import load
from uss.data.anchor_set import AnchorSet
from uss.data.dataset import Dataset
from uss.distributed import device
from uss.evaluation.linear_probe import classify, over_time
from uss.evaluation.statistics import Strata, bootstrap, class_values, estimate
from uss.files import write_json
from uss.model_store import networks
from uss.model_store.loading import load_amae, load_separator
from uss.model_store.model_config import read_config
from uss.models.amae_features import AmaeFeatures
from uss.models.audio_mae import AudioMaeEncoder
from uss.schema import Evaluate, Pretrained, SystemAmae

NUM_FOLDS = 5
SPLITS = ("train", "dev", "eval")
PURPOSE = 110  # of a generator: default_rng([seed, purpose, ...])
FILTERBANK, UNTRAINED = "log-mel filterbank", "untrained"

logger = logging.getLogger("probe_blocks")


def block_features(extractor: AmaeFeatures) -> Callable[[Tensor], Tensor]:
    """Waveforms (batch, samples) -> (batch, blocks, 2 width); the last block's are those of
    uss.bin.probe."""
    encoder = extractor.encoder

    def features(waveform: Tensor) -> Tensor:
        outputs = encoder.block_outputs(encoder.embed(extractor.fbank(waveform)))
        bands = [
            encoder.norm(output)[:, 1:].unflatten(1, (-1, encoder.num_bands)) for output in outputs
        ]
        return torch.stack([over_time(extractor.pool(tokens)) for tokens in bands], dim=1)

    return features


def tried_once(
    features: Tensor, classes: np.ndarray, groups: list[str], generator: np.random.Generator
) -> np.ndarray:
    """Whether each item is named rightly by a classifier trained on other groups: (items,) 0 or 1.

    Args:
        features: (items, size).
        classes: (items,) class numbers.
    """
    names, group = np.unique(groups, return_inverse=True)
    fold = (generator.permutation(len(names)) % NUM_FOLDS)[group]
    hits = np.empty(len(classes))
    for number in range(NUM_FOLDS):
        held_out = fold == number
        found = classify(features[~held_out], classes[~held_out], features[held_out])
        hits[held_out] = found == classes[held_out]
    return hits


def summarise(hits: dict[str, list[np.ndarray]], strata: Strata, config: Evaluate) -> dict:
    """Accuracies, by block, and paired gains of last blocks over each block; hits by name and
    block."""
    rows = [(name, block) for name, of_blocks in hits.items() for block in range(len(of_blocks))]
    values = np.stack([hits[name][block] for name, block in rows])
    headlines = class_values(values, strata, "mean").mean(axis=1)
    generator = np.random.default_rng([config.seed, PURPOSE, 1])
    draws = bootstrap(values, strata, "mean", config.num_draws, generator)
    accuracy: dict[str, list[dict]] = {name: [] for name in hits}
    for row, (name, _) in enumerate(rows):
        accuracy[name].append(asdict(estimate(headlines[row], draws[:, row])))
    last = {name: row for row, (name, _) in enumerate(rows) if name != FILTERBANK}
    gains: dict[str, dict[str, list[dict]]] = {name: {} for name in last}
    for name, row in last.items():
        for other_row, (other, _) in enumerate(rows):
            if other != name:
                value = headlines[row] - headlines[other_row]
                gain = estimate(value, draws[:, row] - draws[:, other_row])
                gains[name].setdefault(other, []).append(asdict(gain))
    return {"accuracy": accuracy, "gain": gains}


def encoder_of(directory: Path) -> AudioMaeEncoder:
    """Of an A-MAE, or of the one within a separator, as its training left it.

    Raises ValueError where the directory holds neither.
    """
    if read_config(directory).get("kind") != "separator":
        return load_amae(directory)
    features = load_separator(directory).separator.amae
    if features is None:
        raise ValueError(f"{directory} holds a separator without an A-MAE")
    return features.encoder


def measure(
    directories: dict[str, Path], names: list[str], pretrained: Pretrained, config: Evaluate
) -> dict:
    """names: of the splits."""
    dataset = Dataset()
    splits = [AnchorSet(dataset.data / split) for split in names]
    anchors = [anchor for split in splits for anchor in split.anchors]
    classes = np.array([dataset.classes.index(anchor.class_id) for anchor in anchors])
    groups = [anchor.group for anchor in anchors]

    encoders: dict[str, AudioMaeEncoder] = {
        name: encoder_of(directory) for name, directory in directories.items()
    }
    encoders[UNTRAINED] = networks.untrained_encoder(pretrained)
    amae = SystemAmae(features="aligned", fusion="channel")
    extractors = {
        name: AmaeFeatures(encoder, amae, splits[0].sample_rate).eval().to(device())
        for name, encoder in encoders.items()
    }
    filterbank = next(iter(extractors.values())).spectrogram
    functions = {FILTERBANK: lambda waveform: over_time(filterbank(waveform))[:, None]}
    functions |= {name: block_features(extractor) for name, extractor in extractors.items()}
    hits = {}
    for name, function in tqdm(functions.items(), disable=None):
        features = torch.cat([of_anchors(split, function) for split in splits])
        hits[name] = [
            tried_once(of_block, classes, groups, np.random.default_rng([config.seed, PURPOSE]))
            for of_block in features.unbind(dim=1)
        ]
    strata = Strata([anchor.class_id for anchor in anchors], groups)
    facts = {"num_anchors": len(anchors), "num_recordings": len(set(groups))}
    return {**facts, **summarise(hits, strata, config)}


def named(text: str) -> tuple[str, Path]:
    """NAME=DIRECTORY."""
    name, separator, directory = text.partition("=")
    if not (name and separator and directory):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=DIRECTORY")
    return name, Path(directory)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--amae", type=named, nargs="+", required=True, metavar="NAME=DIRECTORY", help="to compare"
    )
    arguments.add_argument("--splits", nargs="+", choices=SPLITS, default=["train", "dev"])
    arguments.add_argument("--output", type=Path, required=True, help="JSON, to be written")
    options = arguments.parse_args(argv)
    names = [name for name, _ in options.amae]
    if len({FILTERBANK, UNTRAINED, *names}) < 2 + len(names):
        raise ValueError(
            f"--amae: give each A-MAE a name of its own, and not {FILTERBANK!r} or {UNTRAINED!r}"
        )
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    result = measure(dict(options.amae), options.splits, pretrained, config)
    for name, of_blocks in result["accuracy"].items():
        shown = ", ".join(f"{accuracy['value']:.1%}" for accuracy in of_blocks)
        logger.info("%s, by block: %s", name, shown)
    write_json(options.output, result)


if __name__ == "__main__":
    run(main)
