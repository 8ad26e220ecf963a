"""Stage 2: train the sound event detector and query encoder, where no published weights are named.

Reads data/{train,dev}/waveforms/; conf/detector.yaml, conf/pretrained.yaml, conf/anchors.yaml (not
every anchors.method needs a detector).
Writes data/detector/: config.yaml, checkpoints/, train.jsonl, loss.png. Run again after an
interruption, it goes on from the newest checkpoint.

    python -m uss.bin.train_detector
"""

import logging

from uss.command import parser, run
from uss.config import load, to_dict
from uss.data.waveforms import WaveformSet
from uss.layout import DATA, DETECTOR
from uss.model_store.model_config import needs_training, write_config
from uss.model_store.networks import PANNS, needed_panns
from uss.renamed import refuse_old_file
from uss.schema import Anchors, Detector, PannsModel, Pretrained
from uss.seeding import torch_seed

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    refuse_old_file(DETECTOR)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    method = load(options.conf, "anchors", Anchors, options.overrides).method
    needed = needed_panns(pretrained, method, options.conf)
    if all(getattr(pretrained, name) for name in needed):
        logger.info("skip %s: %s", DETECTOR, why_not(needed, method))
        return
    detector = load(options.conf, "detector", Detector, options.overrides)
    clips = WaveformSet(DATA / "train")
    config = {
        "kind": "detector",
        **to_dict(detector),
        "inputs": {"waveforms": clips.packed.digest},
    }
    if needs_training(DETECTOR, config):
        train_detector(config, detector, clips)


def why_not(needed: list[str], method: str) -> str:
    """The reason why no detector is trained."""
    if len(needed) == len(PANNS):
        return "pretrained.yaml names the weights of both networks"
    if needed == ["sound_event_detector"]:
        return "pretrained.yaml names its weights, and without detector.yaml no encoder is trained"
    why = f"anchors.method {method} needs no detector, and "
    if needed:
        return why + "pretrained.yaml names the weights of the query encoder"
    return why + "without detector.yaml no query encoder is trained"


def train_detector(config: dict, detector: Detector, clips: WaveformSet) -> None:
    import torch

    from uss.distributed import device
    from uss.models.panns import Cnn14DecisionLevelMax
    from uss.training.detector_task import DetectorTask
    from uss.training.trainer import train

    shape = {"sample_rate": clips.sample_rate, "num_classes": clips.target.shape[1]}
    model = PannsModel(**shape, **to_dict(detector.model))
    torch.manual_seed(torch_seed(detector.training.seed, "initial_weights"))
    network = Cnn14DecisionLevelMax(model)
    write_config(DETECTOR, config, model=to_dict(model))
    task = DetectorTask(network, clips, WaveformSet(DATA / "dev"), detector, device())
    train(task, detector.training, DETECTOR)


if __name__ == "__main__":
    run(main)
