"""Stage 0: the tables of the test set of VoiceBank-DEMAND, as it is published.

Reads <audio>/{clean,noisy}_testset_wav/*.wav and <audio>/<queries>/*.wav; conf/data.yaml and
conf/classes.csv.
Writes data/recordings.csv, data/train/clips.csv and data/classes.csv.
"""

import logging
from pathlib import Path

import numpy as np

from uss.command import parser, run
from uss.config import load
from uss.data.ready_mixtures import folder_of, given_classes, query_clip, report_missing
from uss.layout import CLASSES, DATA, RECORDINGS
from uss.tables import ClassRow, Clip, Recording, write_table

from .data_config import Data

SOURCE = "VoiceBank-DEMAND is at https://datashare.ed.ac.uk/handle/10283/2791"
CLEAN, NOISY = "clean_testset_wav", "noisy_testset_wav"

logger = logging.getLogger(__name__)


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder_of(folder, SOURCE).glob("*.wav")}


def pairs(audio: Path, class_id: str) -> list[Recording]:
    """A row for each file that both folders have; the others are counted and named."""
    clean, noisy = names_in(audio / CLEAN), names_in(audio / NOISY)
    report_missing([str(audio / NOISY / name) for name in sorted(clean - noisy)], "clean files")
    report_missing([str(audio / CLEAN / name) for name in sorted(noisy - clean)], "noisy files")
    rows = []
    for name in sorted(clean & noisy):
        stem = name.removesuffix(".wav")
        mixture, reference = str(audio / NOISY / name), str(audio / CLEAN / name)
        rows.append(Recording(stem, mixture, reference, class_id, stem))
    return rows


def queries(folder: Path, num: int, class_id: str) -> list[Clip]:
    """Files of a folder, evenly spaced in the order of their names."""
    names = sorted(names_in(folder))
    numbers = np.unique(np.linspace(0, len(names) - 1, min(num, len(names))).round().astype(int))
    chosen = [folder / names[number] for number in numbers]
    return [query_clip(path.stem, path, class_id) for path in chosen]


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    config = load(options.conf, "data", Data, options.overrides)
    audio = folder_of(config.audio, SOURCE)
    classes = given_classes(options.conf)
    (class_id,) = (row.class_id for row in classes)
    recordings = pairs(audio, class_id)
    clips = queries(audio / config.queries, config.num_queries, class_id)
    write_table(CLASSES, classes, ClassRow)
    write_table(DATA / "train" / "clips.csv", clips, Clip)
    write_table(RECORDINGS, recordings, Recording)
    logger.info(
        "wrote %s: %d recordings, %d clips for queries", RECORDINGS, len(recordings), len(clips)
    )


if __name__ == "__main__":
    run(main)
