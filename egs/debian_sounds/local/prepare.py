"""Stage 0: packages of real recordings into weakly labelled clips.

Reads conf/data.yaml, local/packages.csv, local/debian_sounds.csv and the packages that they name.
With `labelled: large` also local/packages_more.csv and local/debian_sounds_more.csv.
Writes data/extracted.csv, data/classes.csv, data/forbidden_pairs.csv, data/ATTRIBUTION.md, for
each split data/<split>/{clips,events,sources}.csv with their audio, data/unlabelled/, and
with `labelled: large` data/more/.
In the recipe's folder, with uss in Python's path:

    python -m local.prepare --conf conf
"""

import logging
import shutil
import time
from collections import Counter
from pathlib import Path

from uss.command import parser, run
from uss.config import load, to_dict
from uss.files import Step, read_facts, write_text
from uss.tables import ClassPair, ClassRow, read_table, write_table

from .attribution import attribution
from .classes import class_rows, forbidden_pairs
from .clips import write_split
from .data_config import Data
from .more import extract_more
from .packages import Found, Package, get_packages, read_packages
from .recordings import Listed, Recording, extract_recordings, join_copies, read_listed
from .splits import SPLITS, split_recordings
from .unlabelled import check_disk, write_unlabelled

DATA, LOCAL = Path("data"), Path("local")
MORE = DATA / "more"
DECIDES_NO_CLIP = ("packages", "labelled", "unlabelled")  # keys of data.yaml

logger = logging.getLogger("prepare")


def prepare_recordings(
    listed: list[Listed], packages: list[Package], found: dict[str, Found]
) -> list[Recording]:
    """data/extracted.csv: the benchmark's recordings, extracted, checked, grouped."""
    output = DATA / "extracted.csv"
    inputs: dict = {name: LOCAL / name for name in ("debian_sounds.csv", "packages.csv")}
    inputs |= {package: at_hand.sha256 for package, at_hand in found.items()}
    step = Step(output, inputs, {})
    if not step.is_current():
        benchmark = [row for row in listed if row.benchmark and not row.doubtful]
        recordings, rejected = extract_recordings(benchmark, packages, found, DATA / "recordings")
        recordings, joined = join_copies(recordings)
        for one, other in joined:
            logger.info("share sound, so they stay together: %s and %s", one, other)
        write_table(output, recordings, Recording)
        write_text(DATA / "ATTRIBUTION.md", attribution(recordings, packages, found, rejected))
        step.finish(
            (Path(row.file) for row in recordings),
            num_listed=len(benchmark),
            num_used=len(recordings),
            rejected=rejected,
            other_releases=[name for name, at in found.items() if not at.is_listed_release],
            copies=joined,
        )
    return read_table(output, Recording)


def prepare_more(benchmark: list[Recording], config: Data, folder: Path) -> list[Recording]:
    """data/more/extracted.csv: recordings that only train, where they are asked for."""
    if config.labelled == "small":
        return []
    tables = ("debian_sounds_more.csv", "packages_more.csv")
    listed, packages = read_listed(LOCAL / tables[0]), read_packages(LOCAL / tables[1])
    found = get_packages(packages, folder, download=config.packages is None)
    inputs: dict = {name: LOCAL / name for name in tables} | {"benchmark": DATA / "extracted.csv"}
    inputs |= {package: at_hand.sha256 for package, at_hand in found.items()}
    step = Step(MORE / "extracted.csv", inputs, {})
    if not step.is_current():
        recordings, rejected = extract_more(listed, packages, found, benchmark, MORE / "recordings")
        write_table(step.output, recordings, Recording)
        write_text(MORE / "ATTRIBUTION.md", attribution(recordings, packages, found, rejected))
        step.finish(
            (Path(row.file) for row in recordings),
            num_listed=len(listed),
            num_used=len(recordings),
            rejected=rejected,
        )
    return read_table(step.output, Recording)


def prepare_classes(
    recordings: list[Recording], config: Data
) -> tuple[list[ClassRow], list[ClassPair]]:
    """data/classes.csv and data/forbidden_pairs.csv."""
    classes = class_rows({row.audioset_label for row in recordings})
    forbidden = forbidden_pairs(classes, config)
    inputs = {"recordings": DATA / "extracted.csv"}
    settings = {"overlapping": config.overlapping}
    for name, rows, cls in (
        ("classes.csv", classes, ClassRow),
        ("forbidden_pairs.csv", forbidden, ClassPair),
    ):
        step = Step(DATA / name, inputs, settings)
        if not step.is_current():
            write_table(step.output, rows, cls)
            step.finish()
    return classes, forbidden


def prepare_split(
    split: str,
    recordings: list[Recording],
    classes: list[ClassRow],
    forbidden: list[ClassPair],
    config: Data,
) -> None:
    """data/<split>/: audio, clips.csv, events.csv, sources.csv."""
    inputs = {  # the names are those of records from before: clips stay as they are
        "recordings.csv": DATA / "extracted.csv",
        "forbidden_pairs.csv": DATA / "forbidden_pairs.csv",
    }
    if split == "train" and config.labelled == "large":
        inputs["more recordings"] = MORE / "extracted.csv"
    step = Step(DATA / split / "clips.csv", inputs, clip_settings(config))
    if step.is_current() and is_complete(step.output):
        return
    start = time.monotonic()
    counts = write_split(split, recordings, classes, forbidden, config, step.output.parent)
    step.finish(**counts)
    seconds = time.monotonic() - start
    logger.info("wrote %s: %s, %.0f s", step.output, counts, seconds)


def prepare_unlabelled(
    recordings: list[Recording],
    held_out: set[str],
    listed: list[Listed],
    found: dict[str, Found],
    config: Data,
    packages_folder: Path,
) -> None:
    """data/unlabelled/: audio and clips.csv."""
    folder = DATA / "unlabelled"
    if config.unlabelled == "none":
        shutil.rmtree(folder, ignore_errors=True)  # later stages use it where it is
        return
    inputs: dict = {"recordings": DATA / "extracted.csv", "listed": LOCAL / "debian_sounds.csv"}
    if config.unlabelled == "large":
        packages = read_packages(LOCAL / "packages_unlabelled.csv")
        if not (folder / "clips.csv").exists():
            check_disk(packages, packages_folder, DATA)
        more = get_packages(packages, packages_folder, download=config.packages is None)
        inputs |= {package: at_hand.sha256 for package, at_hand in more.items()}
        found = found | more
    step = Step(folder / "clips.csv", inputs, clip_settings(config))
    if not step.is_current() or not is_complete(step.output):
        start = time.monotonic()
        counts = write_unlabelled(recordings, held_out, listed, found, config, folder)
        step.finish(**counts)
        logger.info("wrote %s: %s, %.0f s", step.output, counts, time.monotonic() - start)


def clip_settings(config: Data) -> dict:
    return {key: value for key, value in to_dict(config).items() if key not in DECIDES_NO_CLIP}


def is_complete(table: Path) -> bool:
    """Whether what stands beside a clips.csv is still there."""
    num_files = sum(1 for _ in (table.parent / "audio").glob("*.flac"))
    beside = () if table.parent.name == "unlabelled" else ("events.csv", "sources.csv")
    if num_files == read_facts(table)["num_clips"] and all(
        table.with_name(name).exists() for name in beside
    ):
        return True
    logger.info("run %s: audio files or tables beside it are gone", table)
    return False


def report(recordings: list[Recording], side: dict[str, str]) -> None:
    """How many groups and recordings of each class are in each split."""
    groups = {(row.audioset_label, row.group) for row in recordings}
    num_groups = Counter((label, side[group]) for label, group in groups)
    num_recordings = Counter((row.audioset_label, side[row.group]) for row in recordings)
    for label in sorted({row.audioset_label for row in recordings}):
        parts = [
            f"{split} {num_groups[label, split]} ({num_recordings[label, split]})"
            for split in SPLITS
        ]
        logger.info("groups (recordings) of %s: %s", label, ", ".join(parts))


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    config = load(options.conf, "data", Data, options.overrides)
    packages = read_packages(LOCAL / "packages.csv")
    listed = read_listed(LOCAL / "debian_sounds.csv")
    folder = Path(config.packages) if config.packages else DATA / "packages"
    found = get_packages(packages, folder, download=config.packages is None)

    recordings = prepare_recordings(listed, packages, found)
    more = prepare_more(recordings, config, folder)
    classes, forbidden = prepare_classes(recordings, config)
    side = split_recordings(recordings, config)
    report([*recordings, *more], side | {row.group: "train" for row in more})
    for split in SPLITS:
        rows = [row for row in recordings if side[row.group] == split]
        rows += more if split == "train" else []
        prepare_split(split, rows, classes, forbidden, config)
    held_out = {group for group, split in side.items() if split != "train"}
    prepare_unlabelled(recordings, held_out, listed, found, config, folder)


if __name__ == "__main__":
    run(main)
