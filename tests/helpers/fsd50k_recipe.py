"""egs/fsd50k in a folder of its own, for the tests of its stage 0."""

import shutil
from pathlib import Path

import numpy as np

from egs.fsd50k.local.prepare import main as prepare_data
from tests.helpers import fsd50k_synthetic as synthetic
from tests.helpers.recipe_runs import ROOT
from uss.data.dataset import LABELLED_SPLITS
from uss.tables import Clip, read_table

NUM_CLASSES = 14
NUMS = {"dev": 48, "eval": 12}
LONGEST = 2.5  # seconds
CLIP_SECONDS = 1.0
PART_BYTES = 1 << 20  # so that the audio has several parts
OPTIONS = (
    f"resample.clip_seconds={CLIP_SECONDS}",
    "pretrained.sound_event_detector=null",
    "pretrained.query_encoder=null",
    "pretrained.audio_mae=null",
)


class Published:
    """A synthetic FSD50K: unpacked in `folder`, and as Zenodo's files in `archives`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.archives = folder / "FSD50K", folder / "archives"
        self.vocabulary = synthetic.make_vocabulary(NUM_CLASSES, np.random.default_rng(3))
        self.clips = synthetic.make_clips(self.vocabulary, NUMS, seed=0, longest=LONGEST)
        synthetic.write_tables(self.folder, self.vocabulary, self.clips)
        synthetic.write_audio(self.folder, self.vocabulary, self.clips)
        self.files = synthetic.write_archives(self.folder, self.archives, PART_BYTES)


class Recipe:
    """A recipe's folder with conf/ as published, and data/FSD50K, a copy that tests may change."""

    def __init__(self, folder: Path, published: Published) -> None:
        self.folder, self.published = folder, published
        self.data = folder / "data"
        shutil.copytree(ROOT / "egs" / "fsd50k" / "conf", folder / "conf")

    def unpacked(self) -> Path:
        return Path(shutil.copytree(self.published.folder, self.data / "FSD50K"))

    def packed(self) -> Path:
        return Path(shutil.copytree(self.published.archives, self.data / "archives"))

    def prepare(self, *overrides: str) -> None:
        options = [word for override in (*OPTIONS, *overrides) for word in ("--set", override)]
        prepare_data(["--conf", str(self.folder / "conf"), *options])


def clips_of_splits() -> dict[str, list[Clip]]:
    return {split: read_table(f"data/{split}/clips.csv", Clip) for split in LABELLED_SPLITS}


def windows_of(clips: list[Clip]) -> dict[str, list[Clip]]:
    """fname -> its clips."""
    result: dict[str, list[Clip]] = {}
    for clip in clips:
        result.setdefault(clip.clip_id.partition("#")[0], []).append(clip)
    return result
