"""Stage 2: train the sound event detector and query encoder, where no published weights are named.

Reads data/{train,dev}/waveforms/; conf/tagger.yaml, conf/pretrained.yaml.
Writes data/tagger/: config.yaml, checkpoints/, train.jsonl, loss.png. Run again after an
interruption, it goes on from the newest checkpoint.

    python -m uss.bin.train_tagger
"""

import logging
from pathlib import Path

from uss.bin.command import parser, run
from uss.bin.networks import TAGGER
from uss.config import load, to_dict
from uss.data.waveforms import WaveformSet
from uss.schema import PannsModel, Pretrained, Tagger
from uss.seeding import torch_seed
from uss.training.model_config import needs_training, write_config

DATA = Path("data")

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    tagger = load(options.conf, "tagger", Tagger, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    if pretrained.sound_event_detector and pretrained.query_encoder:
        logger.info("skip %s: pretrained.yaml names the weights of both networks", TAGGER)
        return
    clips = WaveformSet(DATA / "train")
    config = {
        "kind": "tagger",
        **to_dict(tagger),
        "inputs": {"waveforms": clips.packed.digest},
    }
    if needs_training(TAGGER, config):
        train_tagger(config, tagger, clips)


def train_tagger(config: dict, tagger: Tagger, clips: WaveformSet) -> None:
    import torch

    from uss.models.panns import Cnn14DecisionLevelMax
    from uss.training.tagging import TaggingTask
    from uss.training.trainer import device, train

    shape = {"sample_rate": clips.sample_rate, "num_classes": clips.target.shape[1]}
    model = PannsModel(**shape, **to_dict(tagger.model))
    torch.manual_seed(torch_seed(tagger.training.seed, "initial_weights"))
    network = Cnn14DecisionLevelMax(model)
    write_config(TAGGER, config, model=to_dict(model))
    task = TaggingTask(network, clips, WaveformSet(DATA / "dev"), tagger.training, device())
    train(task, tagger.training, TAGGER)


if __name__ == "__main__":
    run(main)
