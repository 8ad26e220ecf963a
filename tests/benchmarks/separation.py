"""Speed and memory of `uss separate`, at the widths of the recipes, with random weights.

    python tests/benchmarks/separation.py [--threads 2] [--seconds 30] [--memory 600 7200]

Real-time factor: seconds of sound that a second of computing separates, mono, one query, resampling
and files included. Memory: the peak of a process beyond its peak after one minute of sound. Each
case runs in a process of its own. Prints tables in Markdown.
"""

import argparse
import multiprocessing
import resource
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import soundfile

WIDTHS = {  # name: (rate, window_size, hop_size, channels)
    "egs/debian_sounds": (16000, 512, 160, [8, 16, 32, 64, 96, 96]),
    "the paper": (32000, 1024, 320, [32, 64, 128, 256, 384, 384]),
}
INPUT_RATE = 44100


def random_model(width: str):
    """A model without a directory: random weights, no PANNs."""
    import torch

    from uss.models.mae_resunet import build_separator
    from uss.schema import Stft, System
    from uss.separation.model import Model

    rate, window_size, hop_size, channels = WIDTHS[width]
    torch.manual_seed(0)
    system = System(stft=Stft(window_size, hop_size), channels=channels)
    model = Model.__new__(Model)
    model.directory, model.digest = Path("no_directory"), "random"
    model.loaded = SimpleNamespace(query_size=527)
    model.system, model.sample_rate, model.num_samples = system, rate, 2 * rate
    model.separator = build_separator(system, 527, rate).eval()
    return model


def write_noise(path: Path, seconds: float) -> None:
    rng = np.random.default_rng(0)
    with soundfile.SoundFile(path, "w", INPUT_RATE, 1, "PCM_16") as file:
        for _ in range(int(seconds)):
            file.write(0.1 * rng.standard_normal(INPUT_RATE))


def separate(width: str, seconds: float, threads: int) -> tuple[float, float]:
    """Seconds of computing, and the peak memory in MiB."""
    import torch

    from uss.separation.file_separation import Job, separate_file
    from uss.separation.model import Query

    torch.set_num_threads(threads)
    model = random_model(width)
    query = Query("noise", np.full(527, 0.1, np.float32), {"kind": "random"})
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "noise.wav"
        write_noise(path, seconds)
        began = time.perf_counter()
        separate_file(model, Job(path, Path(folder) / "out", [query], True), False)
        took = time.perf_counter() - began
    return took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10


def in_a_process(*arguments) -> tuple[float, float]:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(separate, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=30)
    parser.add_argument("--memory", type=float, nargs="*", default=[600, 7200])
    options = parser.parse_args()

    print(f"{options.threads} threads, input {INPUT_RATE} Hz mono\n")
    print("| width | sound (s) | computing (s) | real-time factor | peak MiB |")
    print("|---|---|---|---|---|")
    for width in WIDTHS:
        took, memory = in_a_process(width, options.seconds, options.threads)
        factor = options.seconds / took
        print(f"| {width} | {options.seconds:g} | {took:.1f} | {factor:.2f} | {memory:.0f} |")
    print("\n| width | sound (s) | computing (s) | peak MiB |\n|---|---|---|---|")
    width = next(iter(WIDTHS))
    for seconds in (60, *options.memory):
        took, memory = in_a_process(width, seconds, options.threads)
        print(f"| {width} | {seconds:g} | {took:.1f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
