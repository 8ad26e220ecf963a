"""Time and memory of stage 3 at AudioSet's size: tables only, no audio.

    python -m tests.benchmarks.mixture_lists FOLDER

Tables of 20,000 clips to train, 2,000 to develop and 19,000 to evaluate with AudioSet's skew, every
label an anchor; lists as egs/audioset/conf/mixtures.yaml asks for them.
"""

import argparse
import os
import resource
import shutil
import time
from pathlib import Path

import numpy as np

from tests.helpers.audioset_synthetic import make_ids, make_rows
from uss.bin import mixtures
from uss.labels import audioset_classes
from uss.tables import Anchor, ClassRow, Clip, write_table

ROOT = Path(__file__).resolve().parents[2]
NUM_CLIPS = {"train": 20000, "dev": 2000, "eval": 19000}


def write_tables(data: Path, num_clips: dict[str, int] = NUM_CLIPS) -> None:
    rng = np.random.default_rng(0)
    classes = audioset_classes()
    rows = [ClassRow(i, *row) for i, row in enumerate(zip(classes.ids, classes.names, strict=True))]
    write_table(data / "classes.csv", rows, ClassRow)
    ids = make_ids(sum(num_clips.values()), rng)
    for split, num in num_clips.items():
        here, ids = ids[:num], ids[num:]
        clips, anchors = [], []
        for row in make_rows(here, classes, rng):
            name, labels = row.clip_id, " ".join(row.labels)
            clips.append(Clip(name, f"{name}.wav", 0.0, row.seconds, labels, name))
            for label in row.labels:
                anchor_id = f"{name}:{classes.index(label):03d}"
                anchors.append(Anchor(anchor_id, name, label, 0, 0.5, name))
        write_table(data / split / "clips.csv", clips, Clip)
        write_table(data / split / "anchors.csv", anchors, Anchor)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    write_tables(folder / "data")
    shutil.rmtree(folder / "data" / "mixtures", ignore_errors=True)
    os.chdir(folder)
    start, cpu_start = time.perf_counter(), time.process_time()
    mixtures.main(["--conf", str(ROOT / "egs" / "audioset" / "conf")])
    seconds, cpu_seconds = time.perf_counter() - start, time.process_time() - cpu_start
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print("| list | mixtures |\n|---|---|")
    for path in sorted(Path("data/mixtures").glob("*.csv")):
        with open(path) as file:
            print(f"| {path.stem} | {sum(1 for _ in file) - 1} |")
    print(f"\n{seconds:.1f} s, {cpu_seconds:.1f} CPU seconds, {memory:.0f} MB")


if __name__ == "__main__":
    main()
