"""Stage 0: the tables of FSDKaggle2018, from its folders as published.

Reads <data.audio>/FSDKaggle2018.{meta,audio_train,audio_test}/, local/class_names.csv;
conf/data.yaml, conf/resample.yaml. Writes data/classes.csv, data/forbidden_pairs.csv,
data/<split>/clips.csv, data/<split>/missing.csv, data/surplus.csv.
"""

from collections import Counter
from pathlib import Path

from uss.command import parser, run
from uss.config import expanded, load
from uss.data.folder_tables import Recording, write_tables
from uss.data.listed_audio import class_names, read_list, splits_of_groups, with_audio
from uss.layout import DATA
from uss.schema import Resample

from .data_config import Data

SOURCE = "FSDKaggle2018, https://zenodo.org/records/2552860"
COLUMNS = ("fname", "label")
TRAIN, TEST = "train_post_competition.csv", "test_post_competition_scoring_clips.csv"


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    config = load(options.conf, "data", Data, options.overrides)
    clip_seconds = load(options.conf, "resample", Resample, options.overrides).clip_seconds
    folder = Path(expanded(config.audio))
    lists = {
        folder / f"FSDKaggle2018.audio_{part}": read_list(
            folder / "FSDKaggle2018.meta" / name, COLUMNS, SOURCE
        )
        for part, name in (("train", TRAIN), ("test", TEST))
    }
    train, test = lists.values()
    names = class_names(Path("local/class_names.csv"), {row["label"] for row in train + test})
    split_of = splits_of_groups(
        [*train_and_dev(train, config.dev_every), *((row["fname"], "eval") for row in test)]
    )
    # The lists do not name the uploaders, so a clip is a group of its own.
    listed = [
        Recording(row["fname"], audio / row["fname"], (names[row["label"]],), row["fname"])
        for audio, rows in lists.items()
        for row in rows
    ]
    recordings = with_audio(listed, split_of, [*lists], DATA)
    write_tables(recordings, clip_seconds, DATA, split_of=split_of)


def train_and_dev(rows: list[dict[str, str]], dev_every: int) -> list[tuple[str, str]]:
    """(clip, split): one in `dev_every` clips of a class, in the list's order, is for
    development. The names that order the list are random."""
    seen: Counter[str] = Counter()
    result = []
    for row in rows:
        seen[row["label"]] += 1
        result.append((row["fname"], "train" if seen[row["label"]] % dev_every else "dev"))
    return result


if __name__ == "__main__":
    run(main)
