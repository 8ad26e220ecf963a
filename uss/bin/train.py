"""Stage 5: train the separators, one system after the other.

Reads data/mixtures/train.csv, data/train/anchors/ (and data/train/waveforms/ where augmentation
shifts anchors or changes their speed), the A-MAE (conf/pretrained.yaml, else
data/amae/) and data/features/ for the systems that use them; where train.dev_steps asks for it also
data/mixtures/dev.csv and data/dev/anchors/; conf/train.yaml, conf/systems/.
Writes exp/<name>/<system>/: config.yaml, checkpoints/, train.jsonl, loss.png. Sharded over the
systems. Run again after an interruption, it goes on from the newest checkpoint.

    python -m uss.bin.train --name paper --systems resunet mae_frozen
"""

import logging
from pathlib import Path

from uss.command import add_name, add_systems, parser, run
from uss.config import load, to_dict
from uss.data.anchor_set import AnchorSet
from uss.data.feature_parts import MIXTURES, whole_features
from uss.data.feature_set import FeatureSet, needs_cache
from uss.data.mixture_list import MixtureList, training_list
from uss.files import digest
from uss.labels import read_classes
from uss.layout import CLASSES, DATA, EXPERIMENTS, mixtures_path
from uss.model_store import networks
from uss.model_store.model_config import needs_training, write_config
from uss.schema import Pretrained, SeparatorTraining, System
from uss.seeding import torch_seed
from uss.shards import mine

DEV_MIXTURES = mixtures_path("dev")

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    options = add_systems(add_name(parser(__doc__))).parse_args(argv)
    training = load(options.conf, "train", SeparatorTraining, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    systems = {
        name: load(options.conf, f"systems/{name}", System, options.overrides)
        for name in mine(options.systems)
    }
    mixtures = training_list(MIXTURES, DATA / "train", training.augmentation)
    say_how_often(len(mixtures), training.num_examples)
    for name, system in systems.items():
        directory = EXPERIMENTS / options.name / name
        features = None
        if needs_cache(system):
            audio_mae = networks.amae_digest_for(system.amae, pretrained)
            features = whole_features(system, mixtures, audio_mae)
        config = {
            "kind": "separator",
            "system": to_dict(system),
            "training": to_dict(training),
            "inputs": input_digests(system, pretrained, mixtures, features),
        }
        if needs_training(directory, config):
            train_system(directory, config, system, training, pretrained, mixtures, features)


def say_how_often(num_mixtures: int, num_examples: int) -> None:
    """Log how often a row of the list is seen, where the list is shorter than the training."""
    if num_mixtures < num_examples:
        logger.info(
            "%s lists %d mixtures, and %d are read: each of them is seen %.3g times; "
            "mixtures.num_train: null lists as many as are read",
            *(MIXTURES, num_mixtures, num_examples, num_examples / num_mixtures),
        )


def input_digests(
    system: System,
    pretrained: Pretrained,
    mixtures: MixtureList,
    features: FeatureSet | None,
) -> dict[str, str]:
    """What the weights depend on beside the settings."""
    inputs = {
        "mixtures": digest(MIXTURES),
        "anchors": mixtures.anchors.packed.digest,
    }
    if mixtures.augmenter is not None:
        inputs |= mixtures.augmenter.inputs
    if system.amae.features != "none":
        inputs["audio_mae"] = networks.amae_digest_for(system.amae, pretrained)
    if features is not None:
        inputs["features"] = features.packed.digest
    return inputs


def train_system(
    directory: Path,
    config: dict,
    system: System,
    training: SeparatorTraining,
    pretrained: Pretrained,
    mixtures: MixtureList,
    features: FeatureSet | None,
) -> None:
    import torch

    from uss.distributed import device
    from uss.models.mae_resunet import build_separator
    from uss.training.development import Development
    from uss.training.separation_task import SeparationTask
    from uss.training.trainer import train

    anchors = mixtures.anchors
    anchors.refuse_shorter(system.stft.window_size)
    query_size = anchors.query_size(system.query_field)
    encoder = None
    if system.amae.features != "none":
        encoder = networks.load_extractor(pretrained, system, anchors.sample_rate).encoder
    amae = None if encoder is None else encoder.model
    torch.manual_seed(torch_seed(training.seed, "initial_weights"))
    separator = build_separator(system, query_size, anchors.sample_rate, amae)
    if encoder is not None:
        separator.load_audio_mae(encoder)
    write_config(
        directory,
        config,
        sample_rate=anchors.sample_rate,
        query_size=query_size,
        amae=amae and to_dict(amae),
    )
    task = SeparationTask(separator, mixtures, features, training, device())
    development = None
    if training.dev_steps:
        listed = MixtureList(DEV_MIXTURES, AnchorSet(DATA / "dev"))
        names = read_classes(CLASSES)
        development = Development(separator, listed, anchors, names, training, device())
    train(task, training, directory, development)


if __name__ == "__main__":
    run(main)
