"""CPU time and memory of what reads and writes whole tables, at several numbers of clips.

    python -m tests.benchmarks.rows FOLDER [--num-clips 200000 2000000]

Stage 0's check, the merge of stage 1, and stage 3 with a training list as long as the train
split, which has AudioSet's skew and two labels a clip. The parts that are merged hold a sample a
clip: as many as egs/audioset would write, with the records that its stage would leave. Prints a
table in Markdown, a process a row; where nothing grows faster than the clips, the columns for a
million are the same at each size, or fall.
"""

import argparse
import multiprocessing
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np

from tests.benchmarks.mixture_lists import ROOT, write_tables
from uss import files
from uss.bin import resample
from uss.config import load
from uss.data.dataset import Dataset
from uss.data.packed import write_part
from uss.schema import Resample

CONF = ROOT / "egs" / "audioset" / "conf"
NUM_OTHERS = 2000  # clips of each of the other splits
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
        num_parts = len(list((folder / "data" / "train" / "waveforms").glob("*.h5")))
        work = {"check_data": [], "resample": ["--merge"], "mixtures": given}
        for name, arguments in work.items():
            command = [sys.executable, "-m", f"uss.bin.{name}", "--conf", str(CONF), *arguments]
            peak, seconds = peak_and_seconds(command, folder)
            numbers = [seconds, seconds * 1e6 / num, peak / 1e6, peak / num]
            cells = [name, num, num_parts, *(f"{number:.0f}" for number in numbers)]
            print(f"| {' | '.join(map(str, cells))} |", flush=True)


if __name__ == "__main__":
    main()
