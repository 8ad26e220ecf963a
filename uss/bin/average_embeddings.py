"""Stage 6: the average embedding of each class, over its query targets.

Reads data/mixtures/query.csv, data/train/anchors/, data/classes.csv; the PANNs of stage 2.
Writes exp/<name>/average_embeddings.h5: class_id, embedding (C, D), probabilities (C, C'),
num_targets (C,); the rows of a class without targets are zero. And beside every separator in
exp/<name>/ that is trained to its end, so that its directory is all that `uss separate` needs:

    average_embeddings.h5   the same with class_name; sample_rate and segment_samples
    panns.pt                sound event detector and query encoder, those that the recipe has (a
                            link to exp/<name>/panns.pt)

An adopted model (uss.bin.adopt) keeps its own panns.pt, which embeds the same targets for it; in a
recipe with data/recordings.csv and without a query list, the clips of data/train/clips.csv.

    python -m uss.bin.average_embeddings --name paper
"""

import logging
from pathlib import Path

import numpy as np

from uss.checksums import damage
from uss.command import add_name, parser, run
from uss.config import load
from uss.data.anchor_set import AnchorSet
from uss.data.averages import average_embeddings, read_average_embeddings
from uss.data.dataset import Dataset
from uss.data.mixture_list import MixtureList
from uss.data.packed import write_part
from uss.evaluation.own_averages import (
    query_inputs,
    targets_of_clips,
    targets_of_list,
    write_own_averages,
)
from uss.files import Step, atomic, link_or_copy
from uss.layout import CLASSES, EMBEDDINGS, EXPERIMENTS, PANNS, RECORDINGS, mixtures_path
from uss.model_store import networks
from uss.model_store.adoption import read_adoption
from uss.model_store.model_config import checkpoints, is_finished, newest_checkpoint, read_config
from uss.schema import Pretrained

logger = logging.getLogger(__name__)


def separators(experiment: Path) -> list[Path]:
    """The directories of separators that are trained to their end.

    Raises ValueError where the weights of one are damaged.
    """
    found = []
    for directory in sorted(path.parent for path in experiment.glob("*/config.yaml")):
        if read_config(directory).get("kind") == "separator" and is_finished(directory):
            newest_checkpoint(directory)
            found.append(directory)
    return found


def share_embeddings(directory: Path, averages: Path, dataset: Dataset, anchors: AnchorSet) -> None:
    inputs = {"average_embeddings": averages, "classes": dataset.data / "classes.csv"}
    settings = {"sample_rate": anchors.sample_rate, "segment_samples": anchors.num_samples}
    step = Step(directory / EMBEDDINGS, inputs, settings)
    if not step.is_current():
        content = read_average_embeddings(averages)._asdict()
        write_part(step.output, {**content, "class_name": dataset.classes.names}, **settings)
        step.finish()


def panns_digests(path: Path, pretrained: Pretrained) -> dict[str, str]:
    """Digest of each of the PANNs that the recipe has; one line for one that it lacks."""
    digests = {}
    for name, option in (("sound_event_detector", "--auto"), ("query_encoder", "--query")):
        try:
            digests[name] = networks.panns_digest(pretrained, name)
        except ValueError as error:
            if getattr(pretrained, name) is None and checkpoints(networks.DETECTOR):  # damaged
                raise
            logger.warning("no %s in %s, so no %s: %s", name, path, option, error)
    return digests


def write_panns(path: Path, pretrained: Pretrained) -> bool:
    """Write the recipe's PANNs in one file; whether there are any."""
    digests = panns_digests(path, pretrained)
    if not digests:
        return False
    # A published detector has the outputs of the recipe's classes.
    is_published = pretrained.sound_event_detector and "sound_event_detector" in digests
    classes = {"classes": CLASSES} if is_published else {}
    step = Step(path, {**digests, **classes}, {})
    if not step.is_current() or is_damaged(path):
        from uss.model_store.checkpoint import write_tensors

        with atomic(path) as temporary:
            write_tensors(networks.panns_content(pretrained, list(digests)), temporary)
        step.finish()
    return True


def is_damaged(path: Path) -> bool:
    """A disk may lose a bit of a file, and its record does not notice."""
    reason = damage(path)
    if reason is not None:
        logger.warning("run %s: damaged (%s)", path, reason)
    return reason is not None


def share_panns(directory: Path, panns: Path) -> None:
    step = Step(directory / PANNS, {"panns": panns}, {})
    if not step.is_current() or is_damaged(step.output):
        link_or_copy(panns, step.output)
        step.finish()


def write_averages(query: Path, anchors: AnchorSet, dataset: Dataset, output: Path) -> None:
    """By the recipe's own PANNs, which have embedded the anchors."""
    step = Step(output, query_inputs(query, anchors, dataset), {})
    if not step.is_current():
        averages = average_embeddings(MixtureList(query, anchors), dataset.classes)
        write_part(output, averages._asdict())
        missing = [dataset.classes.names[c] for c in np.flatnonzero(averages.num_targets == 0)]
        if missing:
            logger.warning("%s: classes without query targets: %s", output, ", ".join(missing))
        step.finish(missing=missing)


def main(argv: list[str] | None = None) -> None:
    options = add_name(parser(__doc__)).parse_args(argv)
    dataset = Dataset()
    experiment = EXPERIMENTS / options.name
    directories = {path: read_adoption(path) for path in separators(experiment)}
    own = [directory for directory, adoption in directories.items() if not adoption]
    if RECORDINGS.exists() and not mixtures_path("query").exists():
        targets = targets_of_clips(dataset)
    else:
        query, anchors = mixtures_path("query"), AnchorSet(dataset.data / "train")
        if own or not directories:  # adopted models have averages of their own
            write_averages(query, anchors, dataset, experiment / EMBEDDINGS)
        targets = targets_of_list(query, anchors, dataset)
        if own:
            pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
            has_panns = write_panns(experiment / PANNS, pretrained)
        for directory in own:
            share_embeddings(directory, experiment / EMBEDDINGS, dataset, anchors)
            if has_panns:
                share_panns(directory, experiment / PANNS)
    for directory, adoption in directories.items():
        if adoption:
            write_own_averages(directory, adoption, targets, dataset)


if __name__ == "__main__":
    run(main)
