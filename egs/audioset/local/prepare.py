"""Stage 0: AudioSet's lists, published weights, and for each split a table of its clips.

Reads conf/data.yaml and conf/pretrained.yaml, AudioSet's lists of segments, and the audio's names.
Writes data/classes.csv, data/pretrained.csv, data/surplus.csv, and for each split
data/<split>/clips.csv and missing.csv, packed.csv where the audio is packed, unavailable.csv where
it is downloaded. In the recipe's folder, with uss in Python's path:

    python -m local.prepare --conf conf
"""

import logging
from pathlib import Path

from uss.command import parser, run
from uss.config import load
from uss.data.published_weights import prepare_weights
from uss.files import Step, digest_of, digest_of_files, digest_of_stats
from uss.labels import Classes, audioset_classes
from uss.schema import Pretrained
from uss.tables import ClassRow, Clip, Missing, PackedRow, Surplus, write_table

from . import local_copy, packed_files
from .audio_sources import Found, summary
from .data_config import Data
from .download import read_unavailable
from .download_plan import download, record_path
from .segment_lists import segment_lists
from .segments import Segment, read_segments
from .splits import SPLITS, split_segments

DATA = Path("data")

logger = logging.getLogger("prepare")


def write_classes(classes: Classes) -> None:
    rows = [
        ClassRow(index, class_id, name)
        for index, (class_id, name) in enumerate(zip(classes.ids, classes.names, strict=True))
    ]
    step = Step(DATA / "classes.csv", {}, {"classes": digest_of([list(row) for row in rows])})
    if not step.is_current():
        write_table(step.output, rows, ClassRow)
        step.finish()


class Audio:
    """The source that data.yaml chooses: `digest` tells whether anything changed."""

    def __init__(self, config: Data) -> None:
        self.config = config
        self.packed: list[Path] = []
        self.files: list[str] = []
        if config.source == "packed":
            self.packed = packed_files.packed_files(config.packed.files)
            self.digest = digest_of_stats(self.packed)
        else:
            local = config.source == "local"
            folders = config.local.folders if local else [config.download.folder]
            self.files = local_copy.audio_files(folders)
            given_up = [] if local else [read_unavailable(record_path(DATA, s)) for s in SPLITS]
            self.digest = digest_of([self.files, given_up])

    def find(self, segments: dict[str, Segment], classes: Classes) -> Found:
        if self.config.source == "packed":
            return packed_files.find(self.packed, segments, classes)
        return local_copy.find(self.files, segments)


def write_split(split: str, segments: list[Segment], found: Found, source: str) -> dict[str, int]:
    """The tables of a split; returns the facts for the record."""
    folder = DATA / split
    clips, missing, rows = [], [], []
    unavailable = read_unavailable(record_path(DATA, split)) if source == "download" else {}
    for segment in segments:
        clip_id = segment.clip_id
        if clip_id not in found.paths:
            reason = f"no audio ({source})"
            if clip_id in unavailable:
                reason = f"{unavailable[clip_id].kind}: {unavailable[clip_id].reason}"
            missing.append(Missing(clip_id, reason))
            continue
        seconds = segment.duration_seconds
        clips.append(Clip(clip_id, found.paths[clip_id], 0.0, seconds, segment.labels, clip_id))
        if found.rows:
            rows.append(PackedRow(clip_id, found.rows[clip_id]))
    write_table(folder / "missing.csv", missing, Missing)
    (folder / "packed.csv").unlink(missing_ok=True)
    if rows:
        write_table(folder / "packed.csv", rows, PackedRow)
    write_table(folder / "clips.csv", clips, Clip)
    logger.info(
        "%s: %d clips, %d missing of %d (%s)",
        *(split, len(clips), len(missing), len(segments), folder / "missing.csv"),
    )
    return {"num_clips": len(clips), "num_missing": len(missing)}


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    config = load(options.conf, "data", Data, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    classes = audioset_classes()
    write_classes(classes)
    train = segment_lists(config.train_segments, config)
    evaluation = segment_lists(config.eval_segments, config)
    splits = split_segments(
        read_segments(train, classes),
        read_segments(evaluation, classes),
        classes,
        config.num_dev_clips_per_class,
        config.seed,
    )
    prepare_weights(pretrained, config.weights, DATA / "pretrained.csv")
    if config.source == "download":
        download(splits, DATA, config.download)
    audio = Audio(config)
    inputs = {
        "segments": digest_of_files([*train, *evaluation]),
        "audio": audio.digest,
    }
    settings = {
        "source": config.source,
        "seed": config.seed,
        "num_dev_clips_per_class": config.num_dev_clips_per_class,
        "num_train_lists": len(train),
    }
    steps = {split: Step(DATA / split / "clips.csv", inputs, settings) for split in splits}
    if all([step.is_current() for step in steps.values()]):
        return
    found = audio.find(
        {segment.clip_id: segment for segments in splits.values() for segment in segments}, classes
    )
    write_table(DATA / "surplus.csv", found.surplus, Surplus)
    if found.surplus:
        logger.info("%d files or rows are not used (data/surplus.csv)", len(found.surplus))
        for line in summary(found.surplus):
            logger.info("not used: %s", line)
    for split, segments in splits.items():
        facts = write_split(split, segments, found, config.source)
        steps[split].finish(**facts)


if __name__ == "__main__":
    run(main)
