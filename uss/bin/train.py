"""Stage 5: train the separators, one system after the other.

Reads data/mixtures/train.csv, data/train/anchors/, the A-MAE (conf/pretrained.yaml, else
data/amae/) and data/features/ for the systems that use them; conf/train.yaml, conf/systems/.
Writes exp/<name>/<system>/: config.yaml, checkpoints/, train.jsonl, loss.png. Sharded over the
systems. Run again after an interruption, it goes on from the newest checkpoint.

    python -m uss.bin.train --name paper --systems resunet mae_frozen
"""

from pathlib import Path

from uss.bin import networks
from uss.bin.command import add_name, add_systems, parser, run
from uss.config import load, to_dict
from uss.data.anchors import AnchorSet
from uss.data.features import FeatureSet, needs_cache
from uss.data.mixtures import MixtureList
from uss.files import digest, stage_that_writes
from uss.schema import Pretrained, System, Training
from uss.seeding import torch_seed
from uss.shards import mine
from uss.training.model_config import needs_training, write_config

DATA = Path("data")
MIXTURES = DATA / "mixtures" / "train.csv"


def main(argv: list[str] | None = None) -> None:
    options = add_systems(add_name(parser(__doc__))).parse_args(argv)
    training = load(options.conf, "train", Training, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    systems = {
        name: load(options.conf, f"systems/{name}", System, options.overrides)
        for name in mine(options.systems)
    }
    mixtures = MixtureList(MIXTURES, AnchorSet(DATA / "train"))
    for name, system in systems.items():
        directory = Path("exp") / options.name / name
        features = FeatureSet(DATA, system) if needs_cache(system) else None
        config = {
            "kind": "separator",
            "system": to_dict(system),
            "training": to_dict(training),
            "inputs": input_digests(system, pretrained, mixtures, features),
        }
        if needs_training(directory, config):
            train_system(directory, config, system, training, pretrained, mixtures, features)


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
    if system.amae.features != "none":
        inputs["audio_mae"] = networks.amae_digest(pretrained)
    if features is not None:
        if len(features) != len(mixtures):
            raise ValueError(
                f"{features.packed.folder} has features of {len(features)} mixtures, {MIXTURES} "
                f"lists {len(mixtures)}; {stage_that_writes(features.packed.folder)}"
            )
        inputs["features"] = features.packed.digest
    return inputs


def train_system(
    directory: Path,
    config: dict,
    system: System,
    training: Training,
    pretrained: Pretrained,
    mixtures: MixtureList,
    features: FeatureSet | None,
) -> None:
    import torch

    from uss.models.mae_resunet import build_separator
    from uss.training.separation import SeparationTask
    from uss.training.trainer import device, train

    anchors = mixtures.anchors
    anchors.refuse_shorter(system.stft.window_size)
    (condition_size,) = anchors.packed.width(system.query_field)
    encoder = None
    if system.amae.features != "none":
        encoder = networks.load_extractor(pretrained, system, anchors.sample_rate).encoder
    amae = None if encoder is None else encoder.model
    torch.manual_seed(torch_seed(training.seed, "initial_weights"))
    separator = build_separator(system, condition_size, anchors.sample_rate, amae)
    if encoder is not None:
        separator.load_audio_mae(encoder)
    write_config(
        directory,
        config,
        sample_rate=anchors.sample_rate,
        condition_size=condition_size,
        amae=amae and to_dict(amae),
    )
    train(SeparationTask(separator, mixtures, features, training, device()), training, directory)


if __name__ == "__main__":
    run(main)
