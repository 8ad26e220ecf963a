"""Stage 3: which anchors meet in which mixture, from a seed.

Reads data/<split>/anchors.csv (and data/eval/sed_anchors.csv), clips.csv, classes.csv, the
optional forbidden_pairs.csv; conf/mixtures.yaml, conf/anchors.yaml, and conf/train.yaml where
num_train is null.
Writes data/mixtures/{train,query,dev,eval}.csv, and eval_sed.csv where the evaluation anchors come
from true times and the detector's lie beside them.

    python -m uss.bin.mixtures
"""

import logging
from collections.abc import Iterable
from pathlib import Path

from uss.command import parser, run
from uss.config import load
from uss.data.anchor_set import set_names
from uss.data.dataset import Dataset
from uss.data.pairing import LISTS_VERSION, Pairing, class_list, train_stream
from uss.files import Step, meta_path
from uss.layout import LISTS
from uss.schema import Anchors, Mixtures, SeparatorTraining
from uss.tables import Anchor, Mixture, read_table, write_table

PURPOSES = {  # list: of the draws of its interferers
    "train": "interferer",
    "query": "query_list",
    "dev": "dev_list",
    "eval": "eval_list",
    "eval_sed": "eval_sed_list",
}

logger = logging.getLogger(__name__)


def nums(config: Mixtures, num_train: int) -> dict[str, int]:
    """Of each list: its mixtures, for `train`, else those of a class."""
    per_class = {
        name: getattr(config, f"num_{name.partition('_')[0]}_per_class")
        for name in PURPOSES
        if name != "train"
    }
    return {"train": num_train, **per_class}


def rows(name: str, pairing: Pairing, dataset: Dataset, num: int) -> Iterable[Mixture]:
    if name == "train":
        return train_stream(pairing, num)
    index_of = {class_id: index for index, class_id in enumerate(dataset.classes.ids)}
    return class_list(pairing, num, PURPOSES[name], index_of)


def write_list(name: str, dataset: Dataset, method: str, seed: int, num: int) -> None:
    split, anchor_set, _ = LISTS[name]
    anchors_path = dataset.data / split / f"{anchor_set}.csv"
    output = dataset.data / "mixtures" / f"{name}.csv"
    if anchor_set not in set_names(dataset, split, method):
        if output.exists():  # stage 7 would measure on it
            logger.info("removed %s: stage 2 makes no %s now", output, anchor_set)
            meta_path(output).unlink(missing_ok=True)
            output.unlink()
        return
    anchors = read_table(anchors_path, Anchor)
    forbidden = dataset.forbidden_pairs_path()
    inputs: dict[str, Path | str | None] = {
        "anchors": anchors_path,
        "clips": dataset.clips_path(split),
        "classes": dataset.data / "classes.csv",
        "forbidden_pairs": forbidden if forbidden.exists() else None,
    }
    step = Step(output, inputs, {"seed": seed, "num": num, "lists": LISTS_VERSION})
    if step.is_current():
        return
    pairing = Pairing(
        anchors,
        dataset.clip_labels(split),
        dataset.classes.ids,
        dataset.forbidden(),
        seed,
    )
    write_table(output, rows(name, pairing, dataset, num), Mixture)
    if pairing.missing:
        logger.warning(
            "%s: no mixtures of %d classes, which have no anchors: %s; all of them: %s",
            *(output, len(pairing.missing), dataset.classes.shown(pairing.missing)),
            meta_path(output),
        )
    few = {} if name == "train" else classes_with_few_anchors(pairing, num)
    if few:
        class_id = min(few, key=few.__getitem__)
        logger.warning(
            "%s: %d classes have fewer than %d anchors (%s has %d): their targets come again, each "
            "as often as the others, with another interferer",
            output,
            len(few),
            num,
            class_id,
            few[class_id],
        )
    step.finish(
        num_classes=len(pairing.class_ids),
        missing_classes=pairing.missing,
        num_anchors_of_classes_with_few=few,
    )


def classes_with_few_anchors(pairing: Pairing, num: int) -> dict[str, int]:
    """class_id -> its anchors, where a list of `num` mixtures a class must take some again."""
    sizes = {class_id: len(pairing.of_class[class_id]) for class_id in pairing.class_ids}
    return {class_id: size for class_id, size in sizes.items() if size < num}


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    config = load(options.conf, "mixtures", Mixtures, options.overrides)
    method = load(options.conf, "anchors", Anchors, options.overrides).method
    num_train = config.num_train
    if num_train is None:
        num_train = load(options.conf, "train", SeparatorTraining, options.overrides).num_examples
    dataset = Dataset()
    for name, num in nums(config, num_train).items():
        write_list(name, dataset, method, config.seed, num)


if __name__ == "__main__":
    run(main)
