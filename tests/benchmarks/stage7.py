"""Stage 7 on CPUs: seconds and memory a mixture for several batch sizes, and what museval takes.

    python -m tests.benchmarks.stage7 [--recipe audioset] [--system resunet_joint] [--mixtures 32]
    git worktree add /tmp/before COMMIT
    python -m tests.benchmarks.stage7 --before /tmp/before [--recipe mini] [--system mae_frozen]

Both queries of each mixture go through the network of a recipe's YAML, with random weights, which
do not change the speed. "Before" is a plain loop over batches of evaluate.yaml's size; the others
are what uss.evaluation.scoring does with smaller ones. Each batch size runs in a process of its own
on one thread, so that its peak memory and its processor time are its own.

With --before it is the estimates of uss.evaluation.scoring, here and in another checkout: processes
alternate, and what counts is the processor's time of the fastest batch. A second table says how the
estimates differ.
"""

import argparse
import json
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch

from uss.config import load
from uss.evaluation.cross_check import museval_sdr
from uss.evaluation.measurement import CPU_BATCH
from uss.model_store.untrained import Untrained, untrained
from uss.schema import Evaluate

ROOT = Path(__file__).resolve().parents[2]
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


def estimate(recipe: str, system: str, num_mixtures: int, output: Path) -> None:
    """In a process of its own: prints the processor seconds a mixture, writes the estimates."""
    from uss.data.mixing import Mix
    from uss.evaluation.scoring import separator_estimates

    torch.set_num_threads(1)
    torch.manual_seed(0)
    made = untrained(Path("egs") / recipe / "conf", system, [])
    torch.nn.init.normal_(made.separator.network.unet.after_conv.weight)  # some begin with zeros
    mixtures = 0.1 * torch.randn(num_mixtures, made.num_samples)
    oracle, average = torch.randn(2, num_mixtures, made.query_size).numpy()
    field = made.separator.system.query_field
    estimator = separator_estimates(made.separator, SimpleNamespace(**{field: average}))
    seconds, estimates = [], []
    with torch.inference_mode():
        for start in [0, *range(0, num_mixtures, CPU_BATCH)]:  # the first batch warms up
            rows = slice(start, start + CPU_BATCH)
            mixed = Mix(mixtures[rows], mixtures[rows], torch.ones(len(mixtures[rows]), 1))
            batch = SimpleNamespace(**{field: oracle[rows]})
            began = time.process_time()
            found = list(estimator(mixed, batch, np.arange(num_mixtures)[rows]))
            seconds.append((time.process_time() - began) / len(mixtures[rows]))
            estimates.append(torch.stack([waveform for _, waveform in found], 1))
    np.save(output, torch.cat(estimates[1:]).numpy())
    print(json.dumps(min(seconds[1:])))


def beside(before: Path, options: argparse.Namespace) -> None:
    checkouts = {"before": before.resolve(), "after": ROOT}
    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as place:
        outputs = {name: Path(place) / f"{name}.npy" for name in checkouts}
        for _ in range(options.rounds):
            for name, root in checkouts.items():
                command = [sys.executable, "-P", __file__, "--child", str(outputs[name])]
                command += ["--recipe", options.recipe, "--system", options.system]
                command += ["--mixtures", str(options.mixtures)]
                environment = os.environ | {"PYTHONPATH": str(root)}
                said = subprocess.run(
                    command, cwd=root, env=environment, check=True, stdout=subprocess.PIPE
                ).stdout
                seconds[name] = min(seconds.get(name, np.inf), json.loads(said))
        old, new = (np.load(path).astype(np.float64) for path in outputs.values())
    print("| recipe, system | before, s a mixture | after | after / before |\n|---|---|---|---|")
    ratio = seconds["after"] / seconds["before"]
    name = f"{options.recipe}, {options.system}"
    print(f"| {name} | {seconds['before']:.4f} | {seconds['after']:.4f} | {ratio:.3f} |\n")
    noise = np.square(old - new).sum()
    alike = f"to {10 * np.log10(np.square(old).sum() / noise):.0f} dB" if noise else "in every bit"
    print(f"The estimates are the same {alike}.")


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
    parser.add_argument("--before", type=Path, help="a checkout of another commit")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        estimate(options.recipe, options.system, options.mixtures, options.child)
        return
    if options.before:
        beside(options.before, options)
        return
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
