"""Training throughput of 1 and 2 processes on two cores, with gloo.

    python -m tests.benchmarks.training_processes [--batch-size 16] [--num-steps 6] [--num-rounds 3]

The separator of egs/mini/conf/systems/resunet_joint.yaml on random mixtures of 2 s at 16 kHz. Ways
take turns, since other work on the machine changes all timings: one process with one thread, one
with two threads, two with a thread each. A step is forward, backward, exchange of gradients and
statistics, and update; one goes before those that are timed. Prints the medians as a table in
Markdown.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

import torch
from torch.nn.functional import l1_loss

from tests.helpers import process_group
from uss import distributed
from uss.config import load
from uss.models.mae_resunet import build_separator
from uss.schema import System
from uss.training.batch_norm import synchronise
from uss.training.trainer import set_up_torch, update

CONF = Path(__file__).resolve().parents[2] / "egs" / "mini" / "conf"
SAMPLE_RATE, NUM_SAMPLES, QUERY_SIZE = 16000, 32000, 15
WAYS = {  # name: (processes, threads of each)
    "1 process, 1 thread": (1, 1),
    "1 process, 2 threads": (1, 2),
    "2 processes, 1 thread each": (2, 1),
}


def measure(batch_size: int, num_steps: int, threads: int) -> None:
    """Run in each process; the first one prints the seconds of a step."""
    set_up_torch(threads)
    distributed.start(batch_size)
    torch.manual_seed(0)
    system = load(CONF, "systems/resunet_joint", System, [])
    separator = build_separator(system, QUERY_SIZE, SAMPLE_RATE, None).train()
    synchronise(separator.to(memory_format=torch.channels_last))
    optimizer = torch.optim.AdamW(separator.parameter_groups(1e-3), amsgrad=True, fused=True)
    mixture, target = torch.rand(2, batch_size, NUM_SAMPLES) - 0.5
    query = torch.rand(batch_size, QUERY_SIZE)
    mixture, target, query = (distributed.share(x) for x in (mixture, target, query))
    for step in range(num_steps + 1):
        if step == 1:
            start = time.perf_counter()
        skipped, _ = update(l1_loss(separator(mixture, query), target), {}, optimizer)
        assert not skipped
    if distributed.rank() == 0:
        print((time.perf_counter() - start) / num_steps)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--num-steps", type=int, default=6)
    parser.add_argument("--num-rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, help="in a process that this program starts")
    options = parser.parse_args()
    if options.threads:
        return measure(options.batch_size, options.num_steps, options.threads)
    seconds: dict[str, list[float]] = {name: [] for name in WAYS}
    for _ in range(options.num_rounds):
        for name, (processes, threads) in WAYS.items():
            command = ["-m", "tests.benchmarks.training_processes", f"--threads={threads}"]
            command += [f"--batch-size={options.batch_size}", f"--num-steps={options.num_steps}"]
            statuses, output = process_group.run(processes, command, Path.cwd())
            if any(statuses):
                sys.exit(output)
            seconds[name].append(float(output.split()[-1]))
    print("| way | seconds a step | mixtures a second | relative |\n| --- | --- | --- | --- |")
    first = statistics.median(seconds["1 process, 1 thread"])
    for name, values in seconds.items():
        median = statistics.median(values)
        print(
            f"| {name} | {median:.3f} | {options.batch_size / median:.1f} | {first / median:.2f} |"
        )


if __name__ == "__main__":
    main()
