"""Stage 7 on CPUs: seconds and memory a mixture for several batch sizes, and what museval takes.

    python -m tests.benchmarks.stage7 [--recipe audioset] [--system resunet_joint] [--mixtures 32]

Both queries of each mixture go through the network of a recipe's YAML, with random weights, which
do not change the speed. "Before" is a plain loop over batches of evaluate.yaml's size; the others
are what uss.evaluation.scoring does with smaller ones. Each batch size runs in a process of its own
on one thread, so that its peak memory and its processor time are its own.
"""

import argparse
import multiprocessing
import resource
import time
from pathlib import Path

import torch

from uss.config import load
from uss.evaluation.cross_check import museval_sdr
from uss.evaluation.measurement import CPU_BATCH
from uss.model_store.untrained import Untrained, untrained
from uss.schema import Evaluate

BATCHES = (1, 2, 4, 8)


def evaluate(made: Untrained, batch_size: int, num_mixtures: int) -> None:
    """Both queries of all mixtures; the A-MAE's features once a mixture."""
    separator = made.separator
    mixtures = 0.1 * torch.randn(num_mixtures, made.num_samples)
    queries = torch.randn(2, num_mixtures, made.query_size)
    for start in range(0, num_mixtures, batch_size):
        rows = slice(start, start + batch_size)
        features = None if separator.amae is None else separator.amae(mixtures[rows])
        for query in queries:
            separator(mixtures[rows], query[rows], features)


def measure(recipe: str, system: str, batch_size: int, num_mixtures: int) -> tuple[float, float]:
    """Processor seconds a mixture, and the peak memory in GiB."""
    torch.set_num_threads(1)
    made = untrained(Path("egs") / recipe / "conf", system, [])
    with torch.inference_mode():
        evaluate(made, 1, 1)  # warms up
        began = time.process_time()
        evaluate(made, batch_size, max(batch_size, num_mixtures))
    seconds = (time.process_time() - began) / max(batch_size, num_mixtures)
    return seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def museval_seconds(num_samples: int) -> float:
    """Processor seconds for one signal."""
    target = torch.randn(num_samples).numpy()
    museval_sdr(target, target + 1)
    began = time.process_time()
    museval_sdr(target, target + 1)
    return time.process_time() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--recipe", default="audioset")
    parser.add_argument("--system", default="resunet_joint")
    parser.add_argument("--mixtures", type=int, default=32)
    options = parser.parse_args()
    conf = Path("egs") / options.recipe / "conf"
    before = load(conf, "evaluate", Evaluate, []).batch_size
    spawn = multiprocessing.get_context("spawn")
    found = {}
    for batch_size in dict.fromkeys((before, *BATCHES)):
        with spawn.Pool(1) as pool:
            case = (options.recipe, options.system, batch_size, options.mixtures)
            found[batch_size] = pool.apply(measure, case)
    print("| batch | processor seconds a mixture | GiB | of the time before |")
    print("|---:|---:|---:|---:|")
    for batch_size, (seconds, memory) in found.items():
        name = f"{batch_size}, before" if batch_size == before else str(batch_size)
        name += ", taken on CPUs" if batch_size == CPU_BATCH else ""
        share = f"{100 * seconds / found[before][0]:.0f} %"
        print(f"| {name} | {seconds:.3f} | {memory:.2f} | {share} |")
    made = untrained(conf, options.system, [])
    print(f"\nmuseval: {museval_seconds(made.num_samples):.2f} processor seconds a signal")


if __name__ == "__main__":
    main()
