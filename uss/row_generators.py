"""The generators of many rows at once: numpy's own draws, computed on arrays.

`rng(seed, purpose, index)` costs about a hundred times what its draws cost, and a list of mixtures
has a generator for each of its million rows. The numbers are those of numpy's SeedSequence, PCG64
(O'Neill, PCG XSL RR 128/64) and `Generator.integers` (Lemire's method), bit by bit.
"""

import numpy as np

from uss.seeding import PURPOSES

LOW_32 = np.uint64(0xFFFFFFFF)
POOL_SIZE = 4  # of a SeedSequence, in words of 32 bits
PCG_HIGH, PCG_LOW = np.uint64(0x2360ED051FC65DA4), np.uint64(0x4385DF649FCCF645)
PCG_LOW_1, PCG_LOW_0 = PCG_LOW >> np.uint64(32), PCG_LOW & LOW_32


class RowGenerators:
    """Row i draws what `rng(seed, purpose, *(numbers[i] for numbers in index))` draws.

    Args:
        index: arrays of equal length, of numbers below 2^32.
    """

    def __init__(self, seed: int, purpose: str, *index: np.ndarray) -> None:
        num_rows = len(index[0])
        constants = [*words_of(seed), *words_of(PURPOSES[purpose])]
        words = [np.full(num_rows, word, np.uint32) for word in constants]
        words += [numbers.astype(np.uint32) for numbers in index]
        start_high, start_low, step_high, step_low = seed_state(words)
        one, top = np.uint64(1), np.uint64(63)
        self._step = (step_high << one | step_low >> top, step_low << one | one)
        self._state = add(self._step, (start_high, start_low))  # one step from 0, and the start
        self._advance(np.arange(num_rows))
        self._half = np.zeros(num_rows, np.uint64)  # the upper half of a 64-bit draw waits here
        self._has_half = np.zeros(num_rows, bool)

    def integers(self, rows: np.ndarray, bound: np.ndarray) -> np.ndarray:
        """(len(rows),) int64 within 0 .. bound - 1: a draw of each row, which must differ.

        bound: (len(rows),), each from 1 to 2^32 - 1; nothing is drawn for 1, as in numpy.
        """
        bound = bound.astype(np.uint64)
        product = np.zeros(len(rows), np.uint64)
        pending = np.flatnonzero(bound > 1)
        while len(pending):
            limit = bound[pending]
            product[pending] = self._uint32(rows[pending]) * limit
            pending = pending[product[pending] & LOW_32 < (LOW_32 + np.uint64(1) - limit) % limit]
        return (product >> np.uint64(32)).astype(np.int64)

    def _uint32(self, rows: np.ndarray) -> np.ndarray:
        """(len(rows),) uint64 below 2^32: the lower half of a 64-bit draw, then its upper half."""
        result = self._half[rows]
        fresh = np.flatnonzero(~self._has_half[rows])
        drawn = self._uint64(rows[fresh])
        result[fresh] = drawn & LOW_32
        self._half[rows[fresh]] = drawn >> np.uint64(32)
        self._has_half[rows] = ~self._has_half[rows]
        return result

    def _uint64(self, rows: np.ndarray) -> np.ndarray:
        self._advance(rows)
        high, low = (part[rows] for part in self._state)
        mixed, turn = high ^ low, high >> np.uint64(58)
        return mixed >> turn | mixed << (np.uint64(64) - turn & np.uint64(63))

    def _advance(self, rows: np.ndarray) -> None:
        """state = state * PCG + step, modulo 2^128."""
        high, low = (part[rows] for part in self._state)
        product = (high * PCG_LOW + low * PCG_HIGH + upper_product(low), low * PCG_LOW)
        for part, new in zip(
            self._state, add(product, tuple(part[rows] for part in self._step)), strict=True
        ):
            part[rows] = new


def words_of(number: int) -> list[int]:
    """A number as SeedSequence takes it: words of 32 bits, the lowest first; one for 0."""
    count = max(1, -(-number.bit_length() // 32))
    return [number >> 32 * place & 0xFFFFFFFF for place in range(count)]


def seed_state(words: list[np.ndarray]) -> tuple[np.ndarray, ...]:
    """Four uint64 arrays: numpy's SeedSequence(words).generate_state(4, uint64) of each row."""
    hashed = Hash(0x43B0D7E5, 0x931E8875)
    zero = np.zeros_like(words[0])
    pool = [hashed(word) for word in [*words, *[zero] * POOL_SIZE][:POOL_SIZE]]
    for source in range(POOL_SIZE):
        for target in range(POOL_SIZE):
            if source != target:
                pool[target] = mix(pool[target], hashed(pool[source]))
    for word in words[POOL_SIZE:]:
        pool = [mix(value, hashed(word)) for value in pool]
    hashed = Hash(0x8B51F9DD, 0x58F38DED)
    halves = [hashed(value).astype(np.uint64) for value in pool + pool]
    return tuple(
        low | high << np.uint64(32) for low, high in zip(halves[::2], halves[1::2], strict=True)
    )


class Hash:
    """SeedSequence's hash of a word; its constant changes with each call."""

    def __init__(self, constant: int, factor: int) -> None:
        self.constant, self.factor = constant, factor

    def __call__(self, word: np.ndarray) -> np.ndarray:
        word = word ^ np.uint32(self.constant)
        self.constant = self.constant * self.factor & 0xFFFFFFFF
        word *= np.uint32(self.constant)
        return word ^ word >> np.uint32(16)


def mix(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    result: np.ndarray = one * np.uint32(0xCA01F9DD) - other * np.uint32(0x4973F715)
    return result ^ result >> np.uint32(16)


def add(one: tuple, other: tuple) -> tuple[np.ndarray, np.ndarray]:
    """(high, low) + (high, low), modulo 2^128."""
    low = one[1] + other[1]
    return one[0] + other[0] + (low < one[1]), low


def upper_product(low: np.ndarray) -> np.ndarray:
    """The upper 64 bits of low * PCG_LOW."""
    shift = np.uint64(32)
    low_1, low_0 = low >> shift, low & LOW_32
    first, second = low_0 * PCG_LOW_1, low_1 * PCG_LOW_0
    carry = (low_0 * PCG_LOW_0 >> shift) + (first & LOW_32) + (second & LOW_32)
    return low_1 * PCG_LOW_1 + (first >> shift) + (second >> shift) + (carry >> shift)
