"""Damage to files of tensors: changed inside and written again, or damaged as bytes."""

from pathlib import Path

import torch
from torch import Tensor

from tests.mutation.damage import Rng, damaged, paths

WRONG = ("not a dictionary", "a list", "shape", "type", "scalar", "missing", "extra", "number key",
         "text", "none", "not finite", "huge", "empty", "sparse", "complex", "nested")  # fmt: skip


def damaged_file(path: Path, content: dict, whole: bytes, rng: Rng) -> str:
    """Write a damaged copy of a file of nested dictionaries with tensors; what was done."""
    if rng.random() < 0.3:
        what, result = damaged(whole, rng)
        path.write_bytes(result)
        return what
    what, changed = damaged_tensors(content, rng)
    torch.save(changed, path)
    return what


def damaged_tensors(content: dict, rng: Rng) -> tuple[str, object]:
    ways = [way for way in paths(content) if isinstance(at(content, way), Tensor)]
    if rng.random() < 0.8:  # an optimiser's tensors are read by a training only
        ways = [way for way in ways if way[0] != "optimizer"] or ways
    way = ways[rng.integers(len(ways))]
    if rng.random() < 0.15:  # something else than a tensor
        others = paths(content)
        way = others[rng.integers(len(others))]
    kind = WRONG[rng.integers(len(WRONG))]
    name = f"{kind}: {'.'.join(map(str, way))}"
    if kind == "not a dictionary":
        return name, torch.zeros(3)
    if kind == "a list":
        return name, [content]
    return name, changed(content, way, kind, rng)


def at(tree: dict, way: tuple) -> object:
    for key in way:
        tree = tree[key]
    return tree


def changed(tree: dict, way: tuple, kind: str, rng: Rng) -> dict:
    """A copy that shares all but what leads to the change."""
    copy = type(tree)(tree) if isinstance(tree, dict) else list(tree)
    key = way[0]
    if len(way) > 1:
        copy[key] = changed(tree[key], way[1:], kind, rng)
        return copy
    value = tree[key]
    tensor = value if isinstance(value, Tensor) else torch.zeros(2, 3)
    match kind:
        case "missing":
            del copy[key]
        case "extra":
            copy[f"{key}x" if isinstance(copy, dict) else 0] = tensor
        case "number key":
            if isinstance(copy, dict):
                copy[7] = copy.pop(key)
        case _:
            copy[key] = other(tensor, kind, rng)
    return copy


def other(tensor: Tensor, kind: str, rng: Rng) -> object:
    match kind:
        case "shape":
            return tensor.unsqueeze(0) if rng.random() < 0.5 else torch.cat([tensor[None]] * 2)
        case "type":
            types = (torch.float16, torch.bfloat16, torch.float64, torch.int64, torch.bool)
            return tensor.to(types[rng.integers(len(types))])
        case "scalar":
            return 0.5
        case "text":
            return "weights"
        case "none":
            return None
        case "not finite":
            return tensor.float() * float(rng.choice([float("nan"), float("inf")]))
        case "huge":
            return tensor.float() + 1e30
        case "empty":
            return torch.zeros(0)
        case "sparse":
            return tensor.float().reshape(-1).to_sparse()
        case "complex":
            return tensor.to(torch.complex64)
        case "nested":
            return {"weight": tensor}
    raise AssertionError(kind)
