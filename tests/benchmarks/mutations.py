"""Damaged and hostile inputs by the hundred, each through a real command, and what came of them.

    python -m tests.benchmarks.mutations                                  # all kinds
    python -m tests.benchmarks.mutations --kind audio --count 300 --seed 0 --keep FOLDER
    python -m tests.benchmarks.mutations --kind audio --number 17 --keep FOLDER    # one of them

Verdicts: `ok`, finite outputs of the right length; `refused`, exit status 1 or 2 and a line that
says why. What must not come: `traceback`; `crash`, by a signal; `hang`, over 10 s; `memory`, more
than 2 GiB; `nonsense`, status 0 with outputs that are not. Prints a table, and a line for each bad
mutant; --keep leaves its files, with what the command said. Exit status 1 where there is one.
Needs Linux. On one core, 200 mutants of each kind take about ten minutes.
"""

import argparse
import os
import shutil
import sys
from importlib import import_module
from pathlib import Path

from tests.mutation.campaign import in_server, run_campaign, table, timed

KINDS = ("audio", "model_directory", "hdf5", "weights", "archives", "tables", "yaml_files")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--kind", choices=KINDS, action="append", help="repeatable; default: all")
    parser.add_argument("--count", type=int, default=200, help="mutants of a kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--number", type=int, help="only this mutant")
    parser.add_argument("--keep", type=Path, help="folder for the bad mutants")
    options = parser.parse_args()
    os.environ.update(OMP_NUM_THREADS="1", MKL_NUM_THREADS="1", MPLBACKEND="Agg")
    numbers = range(options.count)
    if options.number is not None:
        numbers = range(options.number, options.number + 1)
    if options.keep:
        options.keep = options.keep.resolve()
        options.keep.mkdir(parents=True, exist_ok=True)
    good = True
    for name in options.kind or KINDS:
        good &= in_server(lambda name=name: one_kind(name, numbers, options))
    sys.exit(0 if good else 1)


def one_kind(name: str, numbers: range, options: argparse.Namespace) -> None:
    """Exits with 1 where a verdict is bad."""
    kind = import_module(f"tests.mutation.{name}").prepare()
    counts, failures, seconds = timed(
        lambda: run_campaign(kind, numbers, options.seed, options.keep)
    )
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 400
    for number, trial, description, verdict in failures:
        line = f"{name} {number} {trial}: {description}: {verdict.word}: {verdict.detail}"
        print(line.encode("ascii", "backslashreplace").decode()[:width])
    print(table({name: (counts, seconds)}), flush=True)
    if failures:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
