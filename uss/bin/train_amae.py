"""Stage 4: pretrain the A-MAE, where a system uses one and no published weights are named.

Reads data/{train,dev}/waveforms/ and data/unlabelled/waveforms/ where it exists; conf/amae.yaml,
conf/anchors.yaml (the segments' length), conf/pretrained.yaml, conf/systems/.
Writes data/amae/: config.yaml, checkpoints/, train.jsonl, loss.png. Run again after an
interruption, it goes on from the newest checkpoint.

    python -m uss.bin.train_amae --systems resunet mae_frozen
"""

import logging

from uss.command import add_systems, parser, run
from uss.config import load, to_dict
from uss.data.dataset import UNLABELLED
from uss.data.waveforms import WaveformSet
from uss.layout import AMAE, DATA
from uss.model_store.model_config import needs_training, write_config
from uss.schema import Amae, Anchors, Pretrained, System
from uss.seeding import torch_seed

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    options = add_systems(parser(__doc__)).parse_args(argv)
    amae = load(options.conf, "amae", Amae, options.overrides)
    anchors = load(options.conf, "anchors", Anchors, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    systems = [
        load(options.conf, f"systems/{name}", System, options.overrides) for name in options.systems
    ]
    if all(system.amae.features == "none" for system in systems):
        logger.info("skip %s: none of the systems uses an A-MAE", AMAE)
        return
    if pretrained.audio_mae:
        logger.info("skip %s: pretrained.yaml names its weights, %s", AMAE, pretrained.audio_mae)
        return
    splits = ["train", UNLABELLED] if (DATA / UNLABELLED / "waveforms").exists() else ["train"]
    clips = {split: WaveformSet(DATA / split) for split in splits}
    segments = {key: getattr(anchors, key) for key in ("segment_seconds", "silence_dbfs")}
    config = {
        "kind": "audio_mae",
        "model": to_dict(amae.model),
        "mask_ratio": amae.mask_ratio,
        "mixed_fraction": amae.mixed_fraction,
        "segments": segments,
        "training": to_dict(amae.training),
        "inputs": {split: clips[split].packed.digest for split in splits},
    }
    if needs_training(AMAE, config):
        train_amae(config, amae, anchors, list(clips.values()))


def train_amae(config: dict, amae: Amae, anchors: Anchors, clips: list[WaveformSet]) -> None:
    import torch

    from uss.distributed import device
    from uss.models.audio_mae import AudioMae
    from uss.models.resampling import refuse_odd_rates
    from uss.training.masked_autoencoding import (
        MaskedAutoencodingTask,
        Segments,
        measured,
    )
    from uss.training.trainer import train

    segments = Segments(clips, anchors, amae.training.seed)
    dev_segments = Segments([WaveformSet(DATA / "dev")], anchors, amae.training.seed)
    rate = clips[0].sample_rate
    refuse_odd_rates("A-MAE", amae.model.sample_rate, rate)
    model = measured(amae, segments, rate)
    torch.manual_seed(torch_seed(amae.training.seed, "initial_weights"))
    network = AudioMae(model)
    write_config(AMAE, config, model=to_dict(model))
    task = MaskedAutoencodingTask(network, segments, dev_segments, amae, rate, device())
    train(task, amae.training, AMAE)


if __name__ == "__main__":
    run(main)
