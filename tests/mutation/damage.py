"""Damage to bytes, to trees of values, and to dictionaries of tensors, each from a generator."""

import copy
import math
import struct
from collections.abc import Callable

import numpy as np

Rng = np.random.Generator

INTEGERS = (0, 1, 2, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFE,
            0xFFFFFFFF, 10**9)  # fmt: skip
FLOATS = (0.0, -1.0, math.nan, math.inf, -math.inf, 1e30, 3e38, 1e-38)
VALUES = (None, 0, -1, 1, 2, 3, 7, 10**9, 2**40, 2**63, -(2**63), 0.5, -0.5, 1e308, math.nan,
          math.inf, "", "x", "1e3", "ü", "\0", True, False, [], {}, [0], [None], {"x": 1}, [1] * 9,
          [[1]], [10**9] * 6, [-1, 4, 8], "none", "a" * 5000)  # fmt: skip


def place(rng: Rng, size: int, head: int = 96) -> int:
    """A position; as often near the start, where headers lie, as anywhere."""
    return int(rng.integers(0, max(1, min(size, head) if rng.random() < 0.5 else size)))


def flip_bits(content: bytes, rng: Rng) -> bytes:
    result = bytearray(content)
    for _ in range(rng.integers(1, 9)):
        result[place(rng, len(result))] ^= 1 << int(rng.integers(8))
    return bytes(result)


def extreme_integer(content: bytes, rng: Rng) -> bytes:
    size, order = rng.choice([1, 2, 4, 8]), rng.choice(["little", "big"])
    value = int(rng.choice(np.array(INTEGERS, np.uint64))) % 2 ** (8 * int(size))
    at = place(rng, len(content))
    at -= at % int(size) if rng.random() < 0.8 else 0
    return content[:at] + value.to_bytes(int(size), str(order)) + content[at + int(size) :]


def extreme_float(content: bytes, rng: Rng) -> bytes:
    code = str(rng.choice(["<f", ">f", "<d", ">d"]))
    value = struct.pack(code, rng.choice(FLOATS))
    at = int(rng.integers(0, max(1, len(content) // len(value)))) * len(value)
    return content[:at] + value + content[at + len(value) :]


def truncate(content: bytes, rng: Rng) -> bytes:
    return content[: place(rng, len(content))]


def insert(content: bytes, rng: Rng) -> bytes:
    at = place(rng, len(content))
    return content[:at] + rng.bytes(int(rng.choice([1, 2, 4, 33, 1000]))) + content[at:]


def remove(content: bytes, rng: Rng) -> bytes:
    at = place(rng, len(content))
    return content[:at] + content[at + int(rng.choice([1, 2, 4, 33, 1000])) :]


def repeat(content: bytes, rng: Rng) -> bytes:
    start, stop = sorted(place(rng, len(content)) for _ in range(2))
    return content[:stop] + content[start:stop] * int(rng.choice([1, 2, 50])) + content[stop:]


def zero(content: bytes, rng: Rng) -> bytes:
    at = place(rng, len(content))
    size = int(rng.choice([4, 64, 2000]))
    return content[:at] + bytes(len(content[at : at + size])) + content[at + size :]


BYTES: tuple[Callable[[bytes, Rng], bytes], ...] = (
    flip_bits, flip_bits, extreme_integer, extreme_integer, extreme_integer, extreme_float,
    truncate, insert, remove, repeat, zero,
)  # fmt: skip


def damaged(content: bytes, rng: Rng) -> tuple[str, bytes]:
    """The name of the damage, and the damaged bytes; now and then nothing is left."""
    if rng.random() < 0.02:
        return "empty", b""
    damage = BYTES[rng.integers(len(BYTES))]
    return damage.__name__, damage(content, rng)


def paths(tree: object, above: tuple = ()) -> list[tuple]:
    """The way to every value of nested dictionaries and lists."""
    items = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(
        tree, list) else ()  # fmt: skip
    return [way for key, value in items for way in [(*above, key), *paths(value, (*above, key))]]


def damaged_tree(tree: dict, rng: Rng) -> tuple[str, dict]:
    """One value replaced, removed or added."""
    tree = copy.deepcopy(tree)
    ways = paths(tree)
    way = ways[rng.integers(len(ways))]
    parent = tree
    for key in way[:-1]:
        parent = parent[key]
    name = ".".join(map(str, way))
    kind = rng.choice(["replace", "replace", "replace", "remove", "add"])
    if kind == "remove":
        del parent[way[-1]]
        return f"remove {name}", tree
    value = copy.deepcopy(VALUES[rng.integers(len(VALUES))])
    if kind == "add" and isinstance(parent, dict):
        key = [f"{way[-1]}x", 7, None][rng.integers(3)]
        parent[key] = value
        return f"add {key!r} beside {name}", tree
    parent[way[-1]] = value
    return f"{name}: {str(value)[:40]!r}", tree
