"""Stage 0: FSD50K's archives, published weights, and for each split a table of its clips.

Reads conf/data.yaml, resample.yaml and pretrained.yaml; FSD50K's ground truth, metadata and audio.
Writes data/classes.csv, data/forbidden_pairs.csv, data/pretrained.csv, data/surplus.csv, and for
each split data/<split>/clips.csv and missing.csv. In the recipe's folder, with uss in Python's
path:

    python -m local.prepare --conf conf
"""

import logging
from pathlib import Path

from uss.command import parser, run
from uss.config import load
from uss.data.folder_tables import class_above_class
from uss.data.published_weights import prepare_weights
from uss.files import Step, digest_of, digest_of_files, digest_of_stats
from uss.schema import Pretrained, Resample
from uss.tables import ClassPair, ClassRow, Clip, Missing, Surplus, write_table

from .archives import unpack
from .clips import FOLDERS, audio_files, find_clips
from .data_config import Data
from .download import download
from .ground_truth import read_ground_truth, read_vocabulary
from .hierarchy import class_rows
from .uploaders import info_paths, read_groups

DATA = Path("data")

logger = logging.getLogger("prepare")


def prepare_classes(vocabulary: dict[str, str], left_out: list[str]) -> list[str]:
    """data/classes.csv and data/forbidden_pairs.csv; returns the class_ids."""
    classes = class_rows(vocabulary, left_out)
    for name, rows, cls in (
        ("classes.csv", classes, ClassRow),
        ("forbidden_pairs.csv", class_above_class(classes), ClassPair),
    ):
        step = Step(DATA / name, {}, {"rows": digest_of([list(row) for row in rows])})
        if not step.is_current():
            write_table(step.output, rows, cls)
            step.finish()
    return [row.class_id for row in classes]


def prepare_clips(
    folder: Path, vocabulary: dict[str, str], class_ids: list[str], clip_seconds: float
) -> None:
    """data/surplus.csv, and the tables of all splits."""
    ground_truth = folder / "FSD50K.ground_truth"
    infos = info_paths(folder / "FSD50K.metadata")
    files = audio_files(folder)
    inputs: dict[str, Path | str | None] = {
        "classes": DATA / "classes.csv",
        "ground_truth": digest_of_files([ground_truth / "dev.csv", ground_truth / "eval.csv"]),
        "metadata": digest_of_files(infos),
        "audio": digest_of_stats(files),
    }
    settings = {"clip_seconds": clip_seconds}
    steps = {split: Step(DATA / split / "clips.csv", inputs, settings) for split in FOLDERS}
    if all([step.is_current() for step in steps.values()]):
        return
    rows = read_ground_truth(ground_truth, vocabulary)
    groups = read_groups(infos, rows)
    tables = find_clips(rows, groups, class_ids, folder, files, clip_seconds)
    write_table(DATA / "surplus.csv", tables.surplus, Surplus)
    if tables.surplus:
        logger.warning(
            "%d files are not used, such as %s (all: data/surplus.csv): the ground truth does not "
            "name them there; take them away, or put them where they belong",
            *(len(tables.surplus), tables.surplus[0].item),
        )
    for split, step in steps.items():
        clips, missing = tables.clips[split], tables.missing[split]
        write_table(DATA / split / "missing.csv", missing, Missing)
        write_table(step.output, clips, Clip)
        if missing:
            logger.warning(
                "%s: %d clips of the ground truth are not used, such as %s (%s); all: "
                "data/%s/missing.csv; put files that are missing into %s and run stage 0 again",
                *(split, len(missing), *missing[0], split, folder / FOLDERS[split]),
            )
        step.finish(num_clips=len(clips), num_missing=len(missing))


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    config = load(options.conf, "data", Data, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    clip_seconds = load(options.conf, "resample", Resample, options.overrides).clip_seconds
    prepare_weights(pretrained, config.weights, DATA / "pretrained.csv")
    folder, archives = Path(config.folder), Path(config.archives)
    if config.source == "download":
        download(config.record, archives)
    if config.source != "folder":
        unpack(archives, folder)
    vocabulary = read_vocabulary(folder / "FSD50K.ground_truth" / "vocabulary.csv")
    class_ids = prepare_classes(vocabulary, config.left_out)
    prepare_clips(folder, vocabulary, class_ids, clip_seconds)


if __name__ == "__main__":
    run(main)
