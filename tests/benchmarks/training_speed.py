"""Steps a second, memory, and share of the device's peak, of the trainings of egs/audioset.

    python -m tests.benchmarks.training_speed [--systems resunet_joint mae_aligned]
        [--batch-size 16] [--num-steps 50] [--device cuda] [--compile-mode reduce-overhead]

Full width, 2 s at 32 kHz: the networks of conf/systems/ and conf/amae.yaml with random weights,
which do not change the speed; anchors and cached features are random too and lie in a temporary
folder. A step is all that a training does: read, mix, forward, backward, update, in bfloat16 and
compiled on a GPU that can. Steps that compile go before those that are timed. A step's operations
are six times its multiply-accumulates (forward, and twice that backward), without those of an A-MAE
whose features are cached. The peak is that of a large matrix product in the same run, and the
datasheet's where it stands here. Prints a table in Markdown, a row a process of its own.
"""

import argparse
import multiprocessing
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import torch

from tests.benchmarks.training_step import (
    CONF,
    EMBEDDING_SIZE,
    FEATURES,
    SAMPLE_RATE,
    peak_bytes,
    write_data,
)
from uss.config import load
from uss.data.anchor_set import AnchorSet
from uss.data.feature_set import FeatureSet, needs_cache
from uss.data.mixture_list import MixtureList
from uss.models.cost import separator_cost
from uss.models.mae_resunet import build_separator
from uss.schema import Amae, SeparatorTraining, System
from uss.training import acceleration
from uss.training.batch_reader import BatchReader
from uss.training.separation_task import SeparationTask
from uss.training.trainer import prepare, set_up_torch, update

DATASHEET = {"NVIDIA H100 80GB HBM3": 989e12, "NVIDIA H200": 989e12}  # dense bfloat16, a second
NUM_COMPILING_STEPS = 5
MATRIX = {"cuda": 8192, "cpu": 2048}  # rows and columns


class Speed(NamedTuple):
    """Of one system's training; `peak` is operations a second of the matrix product."""

    steps_per_second: float
    operations: float  # of a step
    peak: float
    gigabytes: float
    seconds_to_start: float


def measure(name: str, options: argparse.Namespace) -> Speed:
    set_up_torch(options.threads)
    acceleration.COMPILE_MODE = options.compile_mode
    device = torch.device(options.device)
    system = load(CONF, f"systems/{name}", System, [])
    amae = load(CONF, "amae", Amae, []).model if system.amae.features != "none" else None
    training = load(CONF, "train", SeparatorTraining, [f"train.batch_size={options.batch_size}"])
    torch.manual_seed(0)
    separator = build_separator(system, EMBEDDING_SIZE, SAMPLE_RATE, amae).eval()
    cost = separator_cost(separator, EMBEDDING_SIZE, SAMPLE_RATE, 2 * SAMPLE_RATE)
    macs = cost.network_macs
    if system.amae.source == "live":
        macs += cost.amae_macs
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write_data(data, features=(system, FEATURES[name]) if needs_cache(system) else None)
        features = FeatureSet(data, system) if needs_cache(system) else None
        mixtures = MixtureList(data / "mixtures" / "train.csv", AnchorSet(data / "train"))
        start = time.perf_counter()
        task = SeparationTask(separator, mixtures, features, training, device)
        _, optimizer = prepare(task, training)
        num_steps = NUM_COMPILING_STEPS + options.num_steps
        with BatchReader(task.inputs, 0, num_steps, device) as reader:
            for step in range(num_steps):
                if step == NUM_COMPILING_STEPS:
                    ready = now(device)
                skipped, _ = update(*task.loss(reader.take(step)), optimizer)
            seconds = now(device) - ready
        assert not skipped
    gigabytes = peak_bytes(options.device) / 1e9
    return Speed(
        steps_per_second=options.num_steps / seconds,
        operations=6.0 * macs * options.batch_size,
        peak=matrix_product(device),
        gigabytes=gigabytes,
        seconds_to_start=ready - start,
    )


def now(device: torch.device) -> float:
    """Seconds, once the device has done all that is queued."""
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def matrix_product(device: torch.device) -> float:
    """Operations a second of a large matrix product, in bfloat16 on a GPU."""
    size = MATRIX[device.type]
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    one, other = torch.randn(2, size, size, device=device, dtype=dtype)
    seconds = []
    for _ in range(8):
        start = time.perf_counter()
        product = one @ other
        product[0, 0].item()  # waits for it
        seconds.append(time.perf_counter() - start)
    return 2 * size**3 / min(seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", nargs="+", default=["resunet_joint", "mae_aligned"])
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--num-steps", type=int, default=50)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--compile-mode", default=acceleration.COMPILE_MODE)
    options = parser.parse_args()
    on_gpu = options.device.startswith("cuda")
    name = torch.cuda.get_device_name() if on_gpu else f"CPU, {options.threads} threads"
    print(f"{name}, batches of {options.batch_size}, torch {torch.__version__}", end=", ")
    print(f"compiled on a GPU: {options.compile_mode}\n")
    header = ["system", "steps/s", "GB", "TFLOP a step", "TFLOP/s"]
    header += ["share of a matrix product's", "of the datasheet's", "start (s)"]
    print(f"| {' | '.join(header)} |\n|{' --- |' * len(header)}")
    spawn = multiprocessing.get_context("spawn")
    for system in options.systems:
        with spawn.Pool(1) as pool:
            speed = pool.apply(measure, (system, options))
        rate = speed.operations * speed.steps_per_second
        sheet = f"{rate / DATASHEET[name]:.1%}" if name in DATASHEET else "–"
        print(
            f"| {system} | {speed.steps_per_second:.3g} | {speed.gigabytes:.1f} "
            f"| {speed.operations / 1e12:.2f} | {rate / 1e12:.3g} | {rate / speed.peak:.1%} "
            f"| {sheet} | {speed.seconds_to_start:.0f} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
