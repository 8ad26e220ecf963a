"""A small sample of the campaign of tests/benchmarks/mutations.py: ten mutants of each kind."""

import subprocess
import sys

import pytest

from tests.benchmarks.mutations import KINDS
from tests.helpers.tiny_experiment import ROOT

pytestmark = pytest.mark.slow

COUNT, SEED = 10, 1


@pytest.mark.parametrize("name", KINDS)
def test_damaged_inputs_are_refused_or_done(name):
    """In a process of its own: it forks, which a process that has threads does badly."""
    command = [sys.executable, "-m", "tests.benchmarks.mutations", "--kind", name]
    command += ["--count", str(COUNT), "--seed", str(SEED)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"| {name} | {COUNT} |" in done.stdout
