"""CPU time and memory of what reads and writes whole tables, at several numbers of clips.

    python -m tests.benchmarks.rows FOLDER [--num-clips 200000 2000000]

Stage 0's check, the merges of stages 1 and 2, and stage 3 with a training list as long as the train
split, which has AudioSet's skew and two labels a clip. The parts that are merged hold a sample a
clip or anchor: as many as egs/audioset would write, with the records that its stages would leave;
anchors have no embeddings, which a merge does not read. Prints a table in Markdown, a process a
row; where nothing grows faster than the clips, the columns for a million are the same at each size,
or fall.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import h5py
import numpy as np

from tests.benchmarks.mixture_lists import ROOT, write_tables
from uss import files
from uss.bin import anchors, resample
from uss.config import load
from uss.data.dataset import LABELLED_SPLITS, Dataset
from uss.data.packed import part_path, write_part
from uss.schema import Anchors, Resample
from uss.tables import Anchor, read_table

CONF = ROOT / "egs" / "audioset" / "conf"
NUM_OTHERS = 2000  # clips of each of the other splits
WITHOUT_NETWORKS = ["anchors.method=loudest", "pretrained.query_encoder=null"]
SMALL = {"num_query_per_class": 10, "num_dev_per_class": 10, "num_eval_per_class": 10}


def write_data(folder: Path, num_clips: int) -> None:
    """Tables, and the parts and records of stage 1."""
    shutil.rmtree(folder, ignore_errors=True)
    write_tables(folder / "data", {"train": num_clips, "dev": NUM_OTHERS, "eval": NUM_OTHERS})
    os.chdir(folder)
    files.code_version = lambda: (
        "none"
    )  # git, once a part: the stage does it beside minutes of work
    dataset = Dataset()
    config = load(CONF, "resample", Resample, [])
    for part in resample.work(dataset, config):
        num = len(part.clips)
        write_part(
            part.path,
            {
                "audio_name": [clip.clip_id for clip in part.clips],
                "waveform": np.zeros((num, 1), np.int16),
                "target": np.zeros((num, 1), bool),
            },
            sample_rate=config.sample_rate,
        )
        facts = {"num_packed": num, "rejected": [], "scaled_below_full_scale": []}
        part.step(dataset, config).finish(**facts)
    # Without its detector, and asked for no query encoder, stage 2 applies no network.
    shutil.copytree(CONF, "conf", ignore=shutil.ignore_patterns("detector.yaml"))
    write_anchors(dataset)


def write_anchors(dataset: Dataset) -> None:
    """Parts and records of stage 2, of the tables' anchors."""
    config = load(CONF, "anchors", Anchors, WITHOUT_NETWORKS)
    of_clip: dict[str, list[Anchor]] = defaultdict(list)
    for split in LABELLED_SPLITS:
        for anchor in read_table(dataset.data / split / "anchors.csv", Anchor):
            of_clip[anchor.clip_id].append(anchor)
    for part in anchors.work(dataset, config, {}):
        with h5py.File(part_path(dataset.data / part.split / "waveforms", part.number)) as file:
            names, rate = file["audio_name"].asstr()[:], int(file.attrs["sample_rate"])
        found = [anchor for name in names for anchor in of_clip[name]]
        one_sample = np.zeros((len(found), 1), np.int16)
        datasets = {"anchor_id": [a.anchor_id for a in found], "waveform": one_sample}
        write_part(part.step.output, datasets, sample_rate=rate)
        part.step.finish(anchors=[list(anchor) for anchor in found], num_silent=0)


def peak_and_seconds(command: list[str], folder: Path) -> tuple[float, float]:
    """(bytes, CPU seconds) of a process."""
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{' '.join(command)} failed")
    return 1024.0 * usage.ru_maxrss, usage.ru_utime + usage.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-clips", type=int, nargs="+", default=[200_000, 2_000_000])
    options = parser.parse_args()
    os.environ["PYTHONPATH"] = str(ROOT)
    header = ["table work", "clips", "parts", "CPU s", "CPU s a million", "MB", "MB a million"]
    print(f"| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    for num in options.num_clips:
        folder = options.folder.resolve() / str(num)
        with multiprocessing.get_context("spawn").Pool(1) as pool:  # a child begins as large as we
            pool.apply(write_data, (folder, num))
        sizes = {"num_train": num, **SMALL}
        given = [f"--set=mixtures.{key}={value}" for key, value in sizes.items()]
        merge = ["--merge", *(f"--set={value}" for value in WITHOUT_NETWORKS)]
        num_parts = len(list((folder / "data" / "train" / "waveforms").glob("*.h5")))
        work = {"check_data": [], "resample": ["--merge"], "anchors": merge, "mixtures": given}
        for name, arguments in work.items():
            command = [sys.executable, "-m", f"uss.bin.{name}", *arguments]
            peak, seconds = peak_and_seconds(command, folder)
            numbers = [seconds, seconds * 1e6 / num, peak / 1e6, peak / num]
            cells = [name, num, num_parts, *(f"{number:.0f}" for number in numbers)]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
