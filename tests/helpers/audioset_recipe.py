"""egs/audioset in a folder of its own, with short lists, for the tests of its stage 0."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np

from egs.audioset.local.data_config import Data
from egs.audioset.local.download import Unavailable
from egs.audioset.local.prepare import main as prepare_data
from tests.helpers.audioset_synthetic import Row, make_ids, make_rows, write_list
from uss.config import load
from uss.data.dataset import LABELLED_SPLITS
from uss.labels import audioset_classes
from uss.tables import Clip, read_table

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "egs" / "audioset"
LISTS = {"balanced_train_segments": 60, "eval_segments": 20}
CLASSES = audioset_classes()
RATE = 4000
STAGE_0 = [sys.executable, "-m", "egs.audioset.local.prepare"]  # in a recipe's folder
WEIGHTS = ("sound_event_detector", "query_encoder", "audio_mae")


class Recipe:
    """A recipe's folder, conf/ as published, and lists that name `rows`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(RECIPE / "conf", folder / "conf")
        rng = np.random.default_rng(0)
        ids = make_ids(sum(LISTS.values()), rng)
        ids[0], ids[1] = "Y1234567890", "-_Y_1_30000"  # the hardest to tell from other names
        self.rows: dict[str, list[Row]] = {}
        for name, num in LISTS.items():
            here, ids = ids[:num], ids[num:]
            rows = [
                shifted(number, row) for number, row in enumerate(make_rows(here, CLASSES, rng))
            ]
            self.rows[name] = rows
            write_list(folder / "data" / "segments" / f"{name}.csv", rows)

    @property
    def all_rows(self) -> list[Row]:
        return [row for rows in self.rows.values() for row in rows]

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def config(self, *overrides: str):
        return load(self.folder / "conf", "data", Data, list(overrides))

    def prepare(self, *overrides: str) -> None:
        """Stage 0, with no published weights unless an override names some."""
        none = [f"pretrained.{key}=null" for key in WEIGHTS]
        options = [word for override in (*none, *overrides) for word in ("--set", override)]
        prepare_data(["--conf", "conf", *options])


def shifted(number: int, row: Row) -> Row:
    """Starts of a few seconds, so that whole recordings are short; one segment ends early."""
    start = number % 4 * 1.25
    return row._replace(start_seconds=start, end_seconds=start + (6.5 if number == 3 else 10.0))


def found():
    rows = [
        clip for split in LABELLED_SPLITS for clip in read_table(f"data/{split}/clips.csv", Clip)
    ]
    return {clip.clip_id: clip for clip in rows}


def unavailable():
    paths = [f"data/{split}/unavailable.csv" for split in LABELLED_SPLITS]
    rows = [row for path in paths if os.path.exists(path) for row in read_table(path, Unavailable)]
    return {row.clip_id: (row.kind, row.num_attempts, row.reason) for row in rows}
