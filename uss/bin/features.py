"""Stage 4: A-MAE features of the training mixtures, float16, for the systems that read a cache.

Reads data/mixtures/train.csv, data/train/anchors/, the A-MAE (conf/pretrained.yaml, else
data/amae/); conf/amae.yaml, conf/systems/, and of conf/train.yaml the augmentation.
Writes data/features/<set>/train/part_0000.h5, a set as uss.data.feature_set names it. Sharded over
the parts. Says first how much disk all shards' parts will take, and ends where there is less.

    SHARD=1 NUM_SHARDS=4 python -m uss.bin.features --systems mae_frozen mae_aligned
    python -m uss.bin.features --systems mae_frozen mae_aligned --merge
"""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
from tqdm import tqdm

from uss.command import add_systems, parser, run
from uss.config import load, to_dict
from uss.data.feature_parts import MIXTURES, feature_parts, whole_features
from uss.data.feature_set import feature_set_name, needs_cache
from uss.data.mixture_list import MixtureList, training_list
from uss.data.packed import write_part
from uss.layout import DATA
from uss.model_store import networks
from uss.schema import Amae, Pretrained, SeparatorTraining, System
from uss.shards import mine, parts

logger = logging.getLogger(__name__)


def compute(
    system: System, mixtures: MixtureList, rows: range, batch_size: int, extractor, path: Path
) -> None:
    """Write the features of the given rows of the training list."""
    import torch

    from uss.data.mixing import mix

    device = next(extractor.parameters()).device
    features = []
    starts = range(rows.start, rows.stop, batch_size)
    for start in tqdm(starts, desc=str(path), disable=None, leave=False):
        batch = mixtures.batch(range(start, min(start + batch_size, rows.stop)))
        target = torch.from_numpy(batch.target).to(device)
        interferer = torch.from_numpy(batch.interferer).to(device)
        with torch.no_grad():
            output = extractor(mix(target, interferer, system.normalization).mixture)
        features.append(output.cpu().numpy().astype(np.float16))
    augmenter = mixtures.augmenter  # written as in parts from before, whose attributes must agree
    attributes = {"augmentation": json.dumps(to_dict(augmenter.settings))} if augmenter else {}
    write_part(path, {"features": np.concatenate(features)}, **attributes)


def num_bytes(extractor, num_samples: int) -> int:
    """Of one mixture's features, as float16."""
    import torch

    device = next(extractor.parameters()).device
    with torch.no_grad():
        return 2 * extractor(torch.zeros(1, num_samples, device=device)).numel()


def check_disk(missing: list[tuple[str, range]], bytes_of_set: dict[str, int]) -> None:
    """Log what the features of mixtures that have none yet will take.

    Args:
        missing: (feature set, its rows) of each part to be written, by whichever shard.
        bytes_of_set: feature set -> bytes of one mixture's features.

    Raises:
        ValueError: the disk of data/ has less.
    """
    need = sum(len(rows) * bytes_of_set[name] for name, rows in missing)
    free = shutil.disk_usage(DATA).free
    num = sum(len(rows) for _, rows in missing)
    text = f"the features of {num} mixtures take {need / 1e9:.3g} GB"
    if need > free:
        raise ValueError(
            f"{text}, the disk of {DATA.resolve()} has {free / 1e9:.3g} GB: make room, link data/ "
            "to another disk, lower mixtures.num_train (training wraps), or write amae.source: "
            "live in the systems"
        )
    logger.info("%s, the disk has %.3g GB", text, free / 1e9)


def main(argv: list[str] | None = None) -> None:
    arguments = add_systems(parser(__doc__))
    arguments.add_argument("--merge", action="store_true", help="check that every part is there")
    options = arguments.parse_args(argv)
    config = load(options.conf, "amae", Amae, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    systems = [
        load(options.conf, f"systems/{name}", System, options.overrides) for name in options.systems
    ]
    by_set = {feature_set_name(system): system for system in systems if needs_cache(system)}
    if not by_set:
        logger.info("skip features: none of the systems reads cached features")
        return
    augmentation = load(options.conf, "train", SeparatorTraining, options.overrides).augmentation
    mixtures = training_list(MIXTURES, DATA / "train", augmentation)
    rows_of_parts = parts(len(mixtures), config.mixtures_per_part)
    audio_mae = {
        name: networks.amae_digest_for(system.amae, pretrained) for name, system in by_set.items()
    }
    parts_of = {
        name: feature_parts(system, mixtures, audio_mae[name], rows_of_parts)
        for name, system in sorted(by_set.items())
    }
    if options.merge:
        for name, system in by_set.items():
            for part in parts_of[name]:
                part.step.require()
            features = whole_features(system, mixtures, audio_mae[name])
            logger.info("%s: %d mixtures", features.packed.folder, len(features))
        return
    all_parts = [(name, part) for name, found in parts_of.items() for part in found]
    pending = [(name, part) for name, part in mine(all_parts) if not part.step.is_current()]
    if not pending:
        return
    anchors = mixtures.anchors
    extractors = {
        name: networks.load_extractor(pretrained, system, anchors.sample_rate)
        for name, system in by_set.items()
    }
    missing = [(name, part.rows) for name, part in all_parts if not part.step.output.exists()]
    bytes_of_set = {
        name: num_bytes(extractor, anchors.num_samples) for name, extractor in extractors.items()
    }
    check_disk(missing, bytes_of_set)
    for name, (rows, step) in pending:
        compute(by_set[name], mixtures, rows, config.batch_size, extractors[name], step.output)
        step.finish()


if __name__ == "__main__":
    run(main)
