"""Draws of many rows at once: numpy's own numbers, whatever rows draw when, and below what."""

import numpy as np
import pytest

from uss.row_generators import RowGenerators
from uss.seeding import rng

NUM_ROWS = 200
FIRST = np.arange(NUM_ROWS)
SECOND = FIRST[::-1] * 21_000_003 % 2**32  # up to 32 bits


@pytest.mark.parametrize("seed", [0, 7, 2**31, 2**40 + 5, 2**100])
@pytest.mark.parametrize("index", [(FIRST,), (FIRST, SECOND), (SECOND, FIRST, SECOND)])
def test_every_row_draws_what_its_own_generator_draws(seed, index):
    generators = RowGenerators(seed, "interferer", *index)
    own = [rng(seed, "interferer", *map(int, numbers)) for numbers in zip(*index, strict=True)]
    choice = np.random.default_rng(0)
    for _ in range(20):
        rows = np.flatnonzero(choice.random(NUM_ROWS) < 0.6)
        # 1 draws nothing; 2^31 + 1 and 3 * 10^9 are drawn again every other or third time
        bound = choice.choice([1, 2, 3, 90, 527, 2**31 + 1, 3 * 10**9, 2**32 - 1], len(rows))
        expected = [int(own[row].integers(below)) for row, below in zip(rows, bound, strict=True)]
        assert generators.integers(rows, bound).tolist() == expected


def test_purpose_and_seed_count():
    draws = {
        tuple(RowGenerators(seed, purpose, FIRST).integers(FIRST, np.full(NUM_ROWS, 10**6)))
        for seed in (0, 1)
        for purpose in ("interferer", "eval_list")
    }
    assert len(draws) == 4


def test_no_rows():
    nothing = np.zeros(0, np.int64)
    assert RowGenerators(0, "interferer", nothing).integers(nothing, nothing).tolist() == []
