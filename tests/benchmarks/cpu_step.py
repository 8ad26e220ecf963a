"""CPU seconds of a training step of egs/debian_sounds, here and in another checkout, side by side.

    git worktree add /tmp/before main
    python -m tests.benchmarks.cpu_step --before /tmp/before [--batch-size 4] [--num-steps 12]

The system resunet_joint, with random anchors that are not augmented: read, mix, forward, backward,
update. Each checkout trains with its own code in the environment that its own tools/launch.sh gives
a task, and then each in the other's, so that code and allocator show apart. Processes alternate,
`--rounds` times. What is counted is the processor's time, user and system, of the step that took
least: neighbours on the machine cost less of it than of the wall's. Prints a table in Markdown.
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECIPE = Path("egs", "debian_sounds", "conf")
SAMPLE_RATE, EMBEDDING_SIZE = 16000, 512


def train(data: Path, batch_size: int, num_steps: int) -> None:
    """In a process of its own: prints seconds, new pages and peak of the memory."""
    from uss.config import load
    from uss.data.anchor_set import AnchorSet
    from uss.data.mixture_list import MixtureList
    from uss.distributed import device
    from uss.models.mae_resunet import build_separator
    from uss.schema import SeparatorTraining, System
    from uss.training import trainer
    from uss.training.separation_task import SeparationTask

    given = [f"batch_size={batch_size}", f"steps={num_steps + 2}", "decay_steps=0"]
    if hasattr(SeparatorTraining, "fixed_statistics_steps"):  # an older checkout knows none
        given.append("fixed_statistics_steps=0")
    training = load(RECIPE, "train", SeparatorTraining, [f"train.{value}" for value in given])
    system = load(RECIPE, "systems/resunet_joint", System, [])
    mixtures = MixtureList(data / "mixtures" / "train.csv", AnchorSet(data / "train"))
    separator = build_separator(system, EMBEDDING_SIZE, SAMPLE_RATE, None)
    seen = []
    separator.register_forward_pre_hook(
        lambda *_: seen.append(resource.getrusage(resource.RUSAGE_SELF))
    )
    task = SeparationTask(separator, mixtures, None, training, device())
    with tempfile.TemporaryDirectory() as folder:
        trainer.train(task, training, Path(folder))
    steps = [
        (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
         after.ru_minflt - before.ru_minflt)
        for before, after in zip(seen[1:num_steps + 1], seen[2:num_steps + 2], strict=True)
    ]  # fmt: skip
    print(json.dumps([*min(steps), 1024 * seen[num_steps].ru_maxrss]))


def environment(checkout: Path) -> dict[str, str]:
    """Of a task of this checkout's tools/launch.sh."""
    script = "set -eu; USS_ROOT=$PWD; . tools/launch.sh; env -0"
    without = {key: value for key, value in os.environ.items() if key != "GLIBC_TUNABLES"}
    output = subprocess.run(
        ["bash", "-c", script],
        cwd=checkout,
        env=without,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return dict(line.split("=", 1) for line in output.split("\0") if line)


def measured(code: Path, setting: dict[str, str], data: Path, options: argparse.Namespace) -> list:
    """Of a process with this code and environment."""
    command = [sys.executable, "-P", __file__, "--child", str(data)]
    command += ["--batch-size", str(options.batch_size), "--num-steps", str(options.num_steps)]
    given = setting | {"PYTHONPATH": str(code)}
    output = subprocess.run(command, cwd=code, env=given, check=True, stdout=subprocess.PIPE).stdout
    return json.loads(output.splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--before", type=Path, default=ROOT)
    parser.add_argument("--batch-size", type=int, default=4)
    parser.add_argument("--num-steps", type=int, default=12)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        train(options.child, options.batch_size, options.num_steps)
        return
    from tests.benchmarks.training_step import write_data

    checkouts = {"before": options.before.resolve(), "after": ROOT}
    best: dict[tuple[str, str], list] = {}
    with tempfile.TemporaryDirectory() as folder:
        write_data(Path(folder), SAMPLE_RATE, EMBEDDING_SIZE)
        for _ in range(options.rounds):
            for code, place in checkouts.items():
                for setting, other in checkouts.items():
                    one = measured(place, environment(other), Path(folder), options)
                    best[code, setting] = min(best.get((code, setting), one), one)
    load = os.getloadavg()[0]
    print(
        f"Batches of {options.batch_size}, one thread, load {load:.1f} of {os.cpu_count()} cores\n"
    )
    print("| code | environment | CPU s a step | to before | new pages a step | peak GB |")
    print("|---|---|---|---|---|---|")
    for (code, setting), (seconds, pages, peak) in best.items():
        ratio = seconds / best["before", "before"][0]
        print(f"| {code} | {setting} | {seconds:.3f} | {ratio:.2f} | {pages} | {peak / 1e9:.2f} |")


if __name__ == "__main__":
    main()
