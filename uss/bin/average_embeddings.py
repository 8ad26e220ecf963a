"""Stage 6: the average embedding of each class, over its query targets.

Reads data/mixtures/query.csv, data/train/anchors/, data/classes.csv.
Writes exp/<name>/average_embeddings.h5: class_id, embedding (C, D), probabilities (C, C'),
num_targets (C,); the rows of a class without targets are zero.

    python -m uss.bin.average_embeddings --name paper
"""

import logging
from pathlib import Path

import numpy as np

from uss.bin.command import add_name, parser, run
from uss.data.anchors import AnchorSet
from uss.data.averages import average_embeddings
from uss.data.dataset import Dataset
from uss.data.mixtures import MixtureList
from uss.data.packed import write_part
from uss.files import Step

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    options = add_name(parser(__doc__)).parse_args(argv)
    dataset = Dataset()
    query = dataset.data / "mixtures" / "query.csv"
    anchors = AnchorSet(dataset.data / "train")
    output = Path("exp") / options.name / "average_embeddings.h5"
    inputs = {
        "query": query,
        "anchors": anchors.packed.digest,
        "classes": dataset.data / "classes.csv",
    }
    step = Step(output, inputs, {})
    if step.is_current():
        return
    averages = average_embeddings(MixtureList(query, anchors), dataset.classes)
    write_part(output, averages._asdict())
    missing = [dataset.classes.names[c] for c in np.flatnonzero(averages.num_targets == 0)]
    if missing:
        logger.warning("%s: classes without query targets: %s", output, ", ".join(missing))
    step.finish(missing=missing)


if __name__ == "__main__":
    run(main)
