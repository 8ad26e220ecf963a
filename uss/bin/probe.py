"""Stage 4: what the A-MAE's features tell of a sound's class, beside an untrained A-MAE's and the
log-mel filterbank's; features that tell nothing cannot help a separator.

Reads data/{train,dev}/anchors/, data/classes.csv, the A-MAE (conf/pretrained.yaml, else
data/amae/).
Writes data/amae_probe.json: the accuracy, in the mean over classes, with which a linear classifier
that is trained on the training anchors names the class of the development anchors.

    python -m uss.bin.probe --systems mae_aligned
"""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from uss.command import add_systems, parser, run
from uss.config import load
from uss.data.anchor_set import AnchorSet
from uss.data.dataset import Dataset
from uss.files import Step, write_json
from uss.model_store import networks
from uss.schema import Pretrained, System, SystemAmae

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    import torch

BATCH_SIZE = 32

logger = logging.getLogger(__name__)


def probe(splits: dict[str, AnchorSet], class_ids: list[str], pretrained: Pretrained) -> dict:
    """Name of the features -> accuracy."""
    from uss.distributed import device
    from uss.evaluation.linear_probe import over_time, probe_accuracy
    from uss.models.amae_features import AmaeFeatures

    rate = splits["train"].sample_rate
    amae = SystemAmae(features="aligned", fusion="channel")
    encoder = networks.load_encoder(pretrained)
    extractors = {
        "A-MAE": AmaeFeatures(encoder, amae, rate),
        "untrained A-MAE": AmaeFeatures(networks.untrained_encoder(pretrained), amae, rate),
    }
    kinds: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {}
    for name, extractor in extractors.items():
        kinds[name] = extractor.eval().to(device())
    kinds["log-mel filterbank"] = extractors["A-MAE"].spectrogram

    def features(anchors: AnchorSet, kind) -> "torch.Tensor":
        return of_anchors(anchors, lambda waveform: over_time(kind(waveform)))

    number = {class_id: index for index, class_id in enumerate(class_ids)}
    for split, anchors in splits.items():
        refuse_other_classes(anchors, number, split)
    classes = {
        split: np.array([number[anchor.class_id] for anchor in anchors.anchors])
        for split, anchors in splits.items()
    }
    return {
        name: probe_accuracy(
            features(splits["train"], kind),
            classes["train"],
            features(splits["dev"], kind),
            classes["dev"],
        )
        for name, kind in kinds.items()
    }


def refuse_other_classes(anchors: AnchorSet, class_ids: "Container[str]", split: str) -> None:
    for anchor in anchors.anchors:
        if anchor.class_id not in class_ids:
            raise ValueError(
                f"data/{split}/anchors.csv: id {anchor.anchor_id!r}: class {anchor.class_id} is "
                "not in data/classes.csv; add it there, or run stage 2 again"
            )


def of_anchors(
    anchors: AnchorSet, function: "Callable[[torch.Tensor], torch.Tensor]"
) -> "torch.Tensor":
    """What a function of waveforms (batch, samples), scaled to a peak of 1, says of each anchor."""
    import torch

    from uss.distributed import device

    batches = []
    with torch.no_grad():
        for start in range(0, len(anchors), BATCH_SIZE):
            rows = range(start, min(start + BATCH_SIZE, len(anchors)))
            waveform = torch.from_numpy(anchors.signals(rows)).to(device())
            peak = waveform.abs().amax(dim=1, keepdim=True)
            batches.append(function(waveform / peak.clamp(min=1e-10)).cpu())
    return torch.cat(batches)


def main(argv: list[str] | None = None) -> None:
    options = add_systems(parser(__doc__)).parse_args(argv)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    systems = [
        load(options.conf, f"systems/{name}", System, options.overrides) for name in options.systems
    ]
    dataset = Dataset()
    output = dataset.data / "amae_probe.json"
    if all(system.amae.features == "none" for system in systems):
        logger.info("skip %s: none of the systems uses an A-MAE", output)
        return
    splits = {split: AnchorSet(dataset.data / split) for split in ("train", "dev")}
    inputs = {split: anchors.packed.digest for split, anchors in splits.items()}
    inputs["audio_mae"] = networks.amae_digest(pretrained)
    step = Step(output, inputs, {})
    if step.is_current():
        return
    accuracies = probe(splits, dataset.classes.ids, pretrained)
    num_classes = len({anchor.class_id for anchor in splits["dev"].anchors})
    facts = {"num_anchors": len(splits["dev"]), "num_classes": num_classes}
    write_json(output, {"accuracy": accuracies, **facts})
    step.finish()
    shown = ", ".join(f"{name} {accuracy:.0%}" for name, accuracy in accuracies.items())
    logger.info("linear probe, %d classes: %s", num_classes, shown)


if __name__ == "__main__":
    run(main)
