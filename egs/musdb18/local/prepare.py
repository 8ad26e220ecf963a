"""Stage 0: the tables of MUSDB18's test tracks, as WAV files in folders (MUSDB18-HQ, or what the
package musdb reads with is_wav).

Reads <audio>/{train,test}/<track>/{mixture,vocals,drums,bass,other}.wav; conf/data.yaml and
conf/classes.csv, whose names are those of the stems.
Writes data/recordings.csv, data/train/clips.csv and data/classes.csv.
"""

import logging
from pathlib import Path

from uss.command import parser, run
from uss.config import load
from uss.data.ready_mixtures import folder_of, given_classes, query_clip, report_missing
from uss.layout import CLASSES, DATA, RECORDINGS
from uss.tables import ClassRow, Clip, Recording, write_table

from .data_config import Data

SOURCE = "MUSDB18-HQ is at https://zenodo.org/records/3338373"

logger = logging.getLogger(__name__)


def tracks(folder: Path, names: list[str]) -> list[Path]:
    """The folders that hold all of these WAV files; the files that others lack are named."""
    found = sorted(path for path in folder_of(folder, SOURCE).iterdir() if path.is_dir())
    files = {track: [track / f"{name}.wav" for name in names] for track in found}
    missing = {track: [path for path in files[track] if not path.is_file()] for track in found}
    report_missing(
        [str(path) for paths in missing.values() for path in paths], f"tracks of {folder}"
    )
    return [track for track in found if not missing[track]]


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    config = load(options.conf, "data", Data, options.overrides)
    audio = folder_of(config.audio, SOURCE)
    classes = given_classes(options.conf)
    stems = [row.name for row in classes]
    recordings, clips = [], []
    for track in tracks(audio / "test", ["mixture", *stems]):
        for _, class_id, stem in classes:
            mixture, path = (str(track / f"{name}.wav") for name in ("mixture", stem))
            key = f"{track.name}_{stem}"
            recordings.append(Recording(key, mixture, path, class_id, track.name))
    for track in tracks(audio / "train", stems):
        for _, class_id, stem in classes:
            wav = track / f"{stem}.wav"
            key = f"{track.name}_{stem}"
            clips.append(query_clip(key, wav, class_id, config.query_seconds))
    write_table(CLASSES, classes, ClassRow)
    write_table(DATA / "train" / "clips.csv", clips, Clip)
    write_table(RECORDINGS, recordings, Recording)
    logger.info("wrote %s: %d stems, %d clips for queries", RECORDINGS, len(recordings), len(clips))


if __name__ == "__main__":
    run(main)
