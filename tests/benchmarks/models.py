"""Throughput and peak memory of the frozen models, at their published widths.

    python tests/benchmarks/models.py [--device cpu] [--threads 2] [--seconds 10]

Each case runs in a process of its own, so that its peak memory is its own. Weights are random:
they do not change the speed. Prints a table in Markdown.
"""

import argparse
import multiprocessing
import resource
import time
from collections.abc import Callable

import torch
from torch import Tensor

CASES = {
    "event detection, 10 s clips": "detect",
    "query embedding, 2 s": "embed",
    "A-MAE, 2 s padded: 513 tokens": "paper",
    "A-MAE, 2 s alone: 105 tokens": "aligned",
}


def prepare(case: str) -> tuple[Callable[[Tensor], object], int]:
    """The model of a case and the samples of one clip."""
    from uss.models.amae_features import AmaeFeatures
    from uss.models.audio_mae import AudioMaeEncoder
    from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
    from uss.models.published import AUDIO_MAE, PANNS, SAMPLE_RATE
    from uss.schema import SystemAmae

    if case == "detect":
        return Cnn14DecisionLevelMax(PANNS).eval(), 10 * SAMPLE_RATE
    if case == "embed":
        return Cnn14(PANNS).eval(), 2 * SAMPLE_RATE
    encoder = AudioMaeEncoder(AUDIO_MAE)
    return AmaeFeatures(encoder, SystemAmae(features=case), SAMPLE_RATE).eval(), 2 * SAMPLE_RATE


def measure(case: str, batch_size: int, options: argparse.Namespace) -> tuple[float, float]:
    """Clips a second, and the peak memory in GiB."""
    torch.set_num_threads(options.threads)
    model, num_samples = prepare(case)
    model = model.to(options.device)
    waveform = 0.1 * torch.randn(batch_size, num_samples, device=options.device)
    on_gpu = options.device.startswith("cuda")
    num_clips, began = 0, None
    with torch.inference_mode():
        while began is None or time.perf_counter() - began < options.seconds:
            model(waveform)
            if on_gpu:
                torch.cuda.synchronize()
            if began is None:  # the first pass warms up and is not counted
                began = time.perf_counter()
            else:
                num_clips += batch_size
        seconds = time.perf_counter() - began
    if on_gpu:
        return num_clips / seconds, torch.cuda.max_memory_allocated() / 2**30
    return num_clips / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--batch-size", type=int, default=16)
    options = parser.parse_args()

    print(f"device {options.device}, {options.threads} threads, torch {torch.__version__}\n")
    print("| model | clips a second, one by one | batches of", options.batch_size, end=" ")
    print("| GiB, one by one | GiB, batches |")
    print("|---|---|---|---|---|")
    spawn = multiprocessing.get_context("spawn")
    for name, case in CASES.items():
        results = []
        for batch_size in (1, options.batch_size):
            with spawn.Pool(1) as pool:
                results.append(pool.apply(measure, (case, batch_size, options)))
        (single, single_memory), (batched, batched_memory) = results
        print(f"| {name} | {single:.2f} | {batched:.2f} ", end="")
        print(f"| {single_memory:.2f} | {batched_memory:.2f} |", flush=True)


if __name__ == "__main__":
    main()
