"""A campaign of one kind: its mutants by number, each through its commands, and what came."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback
import zlib
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from tests.mutation.trial import BAD, GOOD, Trial, Verdict, attempt


class Mutant(NamedTuple):
    """description: what was done to what; trials: commands to be run in its folder."""

    description: str
    trials: list[Trial]


class Kind(NamedTuple):
    """name; make: (generator, empty folder) -> a mutant, written into the folder."""

    name: str
    make: Callable[[np.random.Generator, Path], Mutant]


class Failure(NamedTuple):
    number: int
    trial: str
    description: str
    verdict: Verdict


def run_campaign(
    kind: Kind, numbers: range, seed: int, keep: Path | None = None
) -> tuple[Counter, list[Failure]]:
    """Verdicts of all mutants, and the bad ones. A mutant's verdict is its worst trial's.

    keep: the folder that gets those whose verdict is bad, as <kind>_<seed>_<number>/.
    """
    counts: Counter = Counter()
    failures = []
    for number in numbers:
        folder = Path(tempfile.mkdtemp(prefix=f"uss-{kind.name}-"))
        try:
            rng = np.random.default_rng([seed, zlib.crc32(kind.name.encode()), number])
            mutant = kind.make(rng, folder)
            verdicts = [(trial.name, attempt(trial, folder)) for trial in mutant.trials]
            bad = [Failure(number, name, mutant.description, verdict)
                   for name, verdict in verdicts if verdict.word in BAD]  # fmt: skip
            words = [verdict.word for _, verdict in verdicts]
            worst = max(words, key=(*GOOD, *reversed(BAD)).index)
            counts[worst] += 1
            failures += bad
            if bad and keep is not None:
                target = keep / f"{kind.name}_{seed}_{number}"
                remove(target)
                subprocess.run(["cp", "-r", folder, target], stderr=subprocess.DEVNULL)
        finally:
            remove(folder)
    return counts, failures


def remove(folder: Path) -> None:
    """Also where folders are nested deeper than Python's own functions go."""
    try:
        shutil.rmtree(folder, ignore_errors=True)
    except RecursionError:
        subprocess.run(["rm", "-rf", folder], check=True)


def table(results: dict[str, tuple[Counter, float]]) -> str:
    """In Markdown: a row a kind, the seconds last."""
    words = (*GOOD, *BAD)
    lines = [f"| kind | mutants | {' | '.join(words)} | seconds |", "|---" * 10 + "|"]
    for name, (counts, seconds) in results.items():
        cells = " | ".join(str(counts[word]) for word in words)
        lines.append(f"| {name} | {counts.total()} | {cells} | {seconds:.0f} |")
    return "\n".join(lines)


def in_server(run: Callable[[], None]) -> bool:
    """Run in a child of its own, so that kinds share nothing; whether it went well."""
    sys.stdout.flush()
    process = os.fork()
    if process == 0:
        status = 1
        try:
            run()
            status = 0
        except SystemExit:
            pass
        except BaseException:
            traceback.print_exc()
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitpid(process, 0)[1] == 0


def timed(run: Callable[[], tuple[Counter, list[Failure]]]):
    began = time.monotonic()
    counts, failures = run()
    return counts, failures, time.monotonic() - began
