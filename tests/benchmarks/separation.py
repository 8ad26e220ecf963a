"""`uss separate` of this checkout beside that of an earlier commit, as whole commands.

    git worktree add /tmp/old COMMIT
    python -m tests.benchmarks.separation --old /tmp/old [--repeats 3] [--cases quarter_30s_1 ...]

Without --old this checkout alone is measured. Models have random weights, at the widths of
egs/debian_sounds (a quarter) and of the paper, and PANNs of those sizes. The two take turns, since
other work on the machine changes all timings; processor seconds (user and system) suffer least from
it. Prints medians as a table in Markdown: processor and wall seconds, peak memory, what is new
divided by what is old, and the signal-to-noise ratio of the new sound against the old.

An earlier commit measures the confidence wherever panns.pt is there; for it the option is left out,
and in cases without confidence the file.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
import torch

from uss.config import to_dict
from uss.data.packed import write_part
from uss.model_store import checkpoint
from uss.model_store.model_config import write_config
from uss.models.mae_resunet import build_separator
from uss.models.panns import Cnn14
from uss.schema import PannsModel, Stft, System

ROOT = Path(__file__).resolve().parents[2]
NUM_CLASSES = 35
INPUT_RATE = 44100


@dataclass
class Width:
    rate: int
    system: System
    panns: PannsModel


QUARTER = Width(
    16000,
    System(stft=Stft(512, 160), channels=[8, 16, 32, 64, 96, 96], query_norm="rms"),
    PannsModel(
        512,
        320,
        fmax=7000.0,
        channels=[8, 16, 32, 64, 128, 256],
        sample_rate=16000,
        num_classes=NUM_CLASSES,
    ),
)
PAPER = Width(32000, System(), PannsModel(sample_rate=32000, num_classes=NUM_CLASSES))
CASES = {  # name: (width, seconds, classes, confidence)
    "quarter_30s_1": (QUARTER, 30, 1, False),
    "quarter_30s_5": (QUARTER, 30, 5, False),
    "quarter_600s": (QUARTER, 600, 1, False),
    "quarter_600s_5": (QUARTER, 600, 5, False),
    "quarter_600s_confidence": (QUARTER, 600, 1, True),
    "paper_30s_1": (PAPER, 30, 1, False),
    "paper_30s_5": (PAPER, 30, 5, False),
    "paper_30s_1_confidence": (PAPER, 30, 1, True),
    "paper_600s_1": (PAPER, 600, 1, False),
    "paper_600s_5": (PAPER, 600, 5, False),
}
LONG = ("paper_600s_1", "paper_600s_5")  # many minutes, so only where --cases names them


def write_model(directory: Path, width: Width, has_panns: bool) -> None:
    """As stage 6 leaves it."""
    torch.manual_seed(0)
    query_size = width.panns.channels[-1]
    separator = build_separator(width.system, query_size, width.rate)
    config = {"kind": "separator", "system": to_dict(width.system)}
    config["training"] = {"seed": 0, "steps": 1}
    facts = {"sample_rate": width.rate, "query_size": query_size, "amae": None}
    write_config(directory, config, **facts)
    checkpoint.save(directory, {"step": 1, "model": separator.state_dict()})
    rng = np.random.default_rng(0)
    averages: dict[str, np.ndarray | list[str]] = {
        "class_id": [f"/m/{index}" for index in range(NUM_CLASSES)],
        "class_name": [f"class {index}" for index in range(NUM_CLASSES)],
        "embedding": rng.random((NUM_CLASSES, query_size), np.float32),
        "probabilities": rng.random((NUM_CLASSES, NUM_CLASSES), np.float32),
        "num_targets": np.ones(NUM_CLASSES, np.int64),
    }
    attributes = {"sample_rate": width.rate, "segment_samples": 2 * width.rate}
    write_part(directory / "average_embeddings.h5", averages, **attributes)
    if has_panns:
        entry = {"model": to_dict(width.panns), "weights": Cnn14(width.panns).state_dict()}
        content = {"sound_event_detector": entry, "query_encoder": entry}
        checkpoint.write_tensors(content, directory / "panns.pt")


def write_noise(path: Path, seconds: int) -> None:
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", INPUT_RATE, 1, "FLOAT") as file:
        for _ in range(seconds):
            file.write(0.1 * rng.standard_normal(INPUT_RATE))


def measure(root: Path, folder: Path, options: list[str]) -> tuple[float, float, float]:
    """Processor seconds, wall seconds and peak MiB of a command of the checkout `root`."""
    command = [sys.executable, "-m", "uss", "separate", "noise.wav", "--model", "model", *options]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    began = time.perf_counter()
    process = subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    assert status == 0, command
    return used.ru_utime + used.ru_stime, time.perf_counter() - began, used.ru_maxrss / 2**10


def decibel(old: Path, new: Path) -> float:
    """The worst of all outputs, the new against the old."""
    worst = np.inf
    for path in old.rglob("*.wav"):
        expected, found = (soundfile.read(p)[0] for p in (path, new / path.relative_to(old)))
        noise = np.square(expected - found).sum()
        worst = min(worst, 10 * np.log10(np.square(expected).sum() / noise) if noise else np.inf)
    return worst


def row(name: str, old: Path | None, repeats: int) -> str:
    width, seconds, num_classes, confidence = CASES[name]
    roots = {"old": old, "new": ROOT} if old else {"new": ROOT}
    figures: dict[str, list] = {which: [] for which in roots}
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_model(folder / "model", width, confidence)
        write_noise(folder / "noise.wav", seconds)
        classes = [f"--class={index}" for index in range(num_classes)]
        for repeat in range(repeats):
            for which, root in roots.items():
                options = [*classes, f"--output={which}{repeat}"]
                options += ["--confidence"] if confidence and which == "new" else []
                figures[which].append(measure(root, folder, options))
        medians = {
            which: [statistics.median(values) for values in zip(*found, strict=True)]
            for which, found in figures.items()
        }
        cells = [" / ".join(f"{medians[w][i]:.1f}" for w in roots) for i in (0, 1)]
        cells.append(" / ".join(f"{medians[w][2]:.0f}" for w in roots))
        if old:
            ratio = medians["new"][0] / medians["old"][0]
            cells += [f"{ratio:.2f}", f"{decibel(folder / 'old0', folder / 'new0'):.0f}"]
    return f"| {name} | {' | '.join(cells)} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--old", type=Path, help="a checkout of an earlier commit")
    parser.add_argument("--repeats", type=int, default=3)
    short = [name for name in CASES if name not in LONG]
    parser.add_argument("--cases", nargs="+", choices=CASES, default=short)
    options = parser.parse_args()
    load = ", ".join(f"{value:.1f}" for value in os.getloadavg())
    threads = os.environ.get("OMP_NUM_THREADS", "not set")
    print(f"{os.cpu_count()} cores, load average {load}, OMP_NUM_THREADS {threads}\n")
    both = " (old / new)" if options.old else ""
    head = [f"{what}{both}" for what in ("processor s", "wall s", "peak MiB")]
    head += ["new / old", "SNR (dB)"] if options.old else []
    print(f"| case | {' | '.join(head)} |\n|---|{'---|' * len(head)}")
    for name in options.cases:
        print(row(name, options.old and options.old.resolve(), options.repeats), flush=True)


if __name__ == "__main__":
    main()
