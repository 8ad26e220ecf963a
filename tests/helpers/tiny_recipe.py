"""The tables and packed anchors of a tiny recipe."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import yaml

from uss.data.packed import part_path, write_part
from uss.tables import Anchor, ClassRow, Clip, write_table

RATE = 8000
SECONDS = 1.0  # of a clip
SPLITS = ("train", "dev", "eval")


def tone(seconds=SECONDS, rate=RATE, frequency=440.0, amplitude=0.5):
    time = np.arange(round(seconds * rate)) / rate
    return (amplitude * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def clip(clip_id: str, labels: str = "", path: str = "", seconds: float = 1.0) -> Clip:
    return Clip(clip_id, path or f"data/raw/{clip_id}.wav", 0.0, seconds, labels, clip_id)


class Recipe:
    """Writes conf/ and data/ below a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.data = folder / "data"

    def conf(self, name: str, **content: object) -> None:
        (self.folder / "conf").mkdir(exist_ok=True)
        (self.folder / "conf" / f"{name}.yaml").write_text(yaml.safe_dump(content))

    def classes(self, *class_ids: str) -> None:
        rows = [
            ClassRow(i, class_id, f"name of {class_id}") for i, class_id in enumerate(class_ids)
        ]
        write_table(self.data / "classes.csv", rows, ClassRow)

    def clips(self, split: str, *clips: Clip) -> None:
        write_table(self.data / split / "clips.csv", clips, Clip)

    def anchors(
        self, split: str, anchors: list[Anchor], name: str = "anchors", num_samples: int = 16
    ) -> None:
        """The table, and packed anchors in two parts: embedding = (row, row), noise as audio."""
        write_table(self.data / split / f"{name}.csv", anchors, Anchor)
        half = len(anchors) // 2
        for part, rows in enumerate((range(half), range(half, len(anchors)))):
            noise = np.random.default_rng(part).integers(-9999, 9999, (len(rows), num_samples))
            numbers = np.array(rows, np.float32)[:, None]
            datasets = {
                "anchor_id": [anchors[row].anchor_id for row in rows],
                "waveform": noise.astype(np.int16),
                "embedding": np.repeat(numbers, 2, axis=1),
                "probabilities": np.repeat(numbers / 10, 3, axis=1),
            }
            write_part(part_path(self.data / split / name, part), datasets, sample_rate=RATE)

    def balanced(self, num_classes: int = 4, clips_per_class: int = 3) -> None:
        """Each split: clips of one label, two clips of two, and an anchor for each label."""
        ids = [f"/m/{number}" for number in range(num_classes)]
        self.classes(*ids)
        for split in SPLITS:
            labels = [ids[row % num_classes] for row in range(num_classes * clips_per_class)]
            labels += [f"{ids[0]} {ids[1]}", f"{ids[1]} {ids[2]}"]
            clips = [clip(f"{split}_{row:02d}", of_one) for row, of_one in enumerate(labels)]
            self.clips(split, *clips)
            self.anchors(split, anchors_of(clips))


def anchors_of(clips: list[Clip]) -> list[Anchor]:
    """An anchor for each label of each clip."""
    return [
        Anchor(f"{one.clip_id}:{class_id}", one.clip_id, class_id, 0, 0.5, one.group)
        for one in clips
        for class_id in sorted(one.labels.split())
    ]


def run_without_torch(module: str, *options: str) -> str:
    """Run an entry point in a process in which torch cannot be imported; returns its log."""
    code = (
        "import sys; sys.modules['torch'] = None\n"
        "from importlib import import_module\n"
        "from uss.command import run\n"
        f"run(lambda argv: import_module('uss.bin.{module}').main({list(options)}))"
    )
    environment = {"PATH": "", "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stderr
