"""Which part of a stage's work is this process's: $SHARD of $NUM_SHARDS, counted from 1."""

import os
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def shard() -> tuple[int, int]:
    """(index from 0, number of shards); (0, 1) where the environment names none."""
    try:
        index = int(os.environ.get("SHARD", "1"))
        num_shards = int(os.environ.get("NUM_SHARDS", "1"))
    except ValueError:
        raise ValueError("SHARD and NUM_SHARDS must be whole numbers") from None
    if not 1 <= index <= num_shards:
        raise ValueError(f"SHARD={index} is not within 1..NUM_SHARDS={num_shards}")
    return index - 1, num_shards


def mine(items: Sequence[T]) -> list[T]:
    """This shard's items. What an item is never depends on the number of shards."""
    index, num_shards = shard()
    return list(items[index::num_shards])


def parts(num_items: int, part_size: int) -> list[range]:
    """Item numbers in consecutive parts of `part_size`; the last may be shorter."""
    return [
        range(start, min(start + part_size, num_items)) for start in range(0, num_items, part_size)
    ]
