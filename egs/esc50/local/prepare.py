"""Stage 0: the tables of ESC-50, from its folder as published.

Reads <data.audio>/meta/esc50.csv, <data.audio>/audio/, local/class_names.csv; conf/data.yaml,
conf/resample.yaml. Writes data/classes.csv, data/forbidden_pairs.csv, data/<split>/clips.csv,
data/<split>/missing.csv, data/surplus.csv.
"""

from pathlib import Path

from uss.command import parser, run
from uss.config import expanded, load
from uss.data.folder_tables import Recording, write_tables
from uss.data.listed_audio import class_names, read_list, splits_of_groups, with_audio
from uss.layout import DATA
from uss.schema import Resample

from .data_config import Data

SOURCE = "ESC-50, https://github.com/karolpiczak/ESC-50 (CC BY-NC 3.0)"
COLUMNS = ("filename", "fold", "category", "src_file")


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    config = load(options.conf, "data", Data, options.overrides)
    clip_seconds = load(options.conf, "resample", Resample, options.overrides).clip_seconds
    folder = Path(expanded(config.audio))
    rows = read_list(folder / "meta" / "esc50.csv", COLUMNS, SOURCE)
    names = class_names(Path("local/class_names.csv"), {row["category"] for row in rows})
    split_of = splits_of_groups((row["src_file"], config.split(row["fold"])) for row in rows)
    listed = [
        Recording(
            row["filename"],
            folder / "audio" / row["filename"],
            (names[row["category"]],),
            row["src_file"],
        )
        for row in rows
    ]
    recordings = with_audio(listed, split_of, [folder / "audio"], DATA)
    write_tables(recordings, clip_seconds, DATA, split_of=split_of)


if __name__ == "__main__":
    run(main)
