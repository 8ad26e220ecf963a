"""Weights of a model directory that are damaged or made to harm: one entry of a file changed."""

import copy
import os
import random
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

ODD_VALUES = [
    None, 0, -1, 1, 2, 3, 7, 10**9, -(10**9), 2**31, 2**63, 10**30, 10**400, 0.5, -0.0, 1e-300,
    1e300, float("nan"), float("inf"), True, "", "text", "16000", "é", [], [1], [0], [-1], {},
    {"a": 1}, [[1]], [10**9] * 6, [1] * 1000, [8] * 16, ["a"], [None], 512, 1000, 15999, 16001,
    65536, "!!python/object/apply:os.system [true]",
]  # fmt: skip


class Payload:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {self.path}",)


def odd_tensor(tensor: torch.Tensor, draw: random.Random) -> tuple[str, Any]:
    """In place of a tensor of the same name."""
    shape = tuple(tensor.shape)
    makers: dict[str, Callable[[], Any]] = {
        "scalar": lambda: 1.5,
        "None": lambda: None,
        "text": lambda: "text",
        "list": lambda: [1.0, 2.0],
        "nan": lambda: torch.full(shape, float("nan"), dtype=torch.float32),
        "infinite": lambda: torch.full(shape, -float("inf"), dtype=torch.float32),
        "huge": lambda: torch.full(shape, 1e38, dtype=torch.float32),
        "double": lambda: tensor.double(),
        "huge double": lambda: torch.full(shape, 1e300, dtype=torch.float64),
        "half": lambda: tensor.half(),
        "bfloat16": lambda: tensor.bfloat16(),
        "complex": lambda: tensor.to(torch.complex64),
        "bool": lambda: tensor.bool(),
        "integers": lambda: tensor.to(torch.int32),
        "larger": lambda: torch.zeros(*shape, 2),
        "empty": lambda: torch.zeros(0),
        "flat": lambda: tensor.flatten(),
        "zero-dimensional": lambda: torch.tensor(1.0),
        "expanded": lambda: torch.zeros(1).expand(10**6, 10**6),
        "stride 0": lambda: torch.zeros((), dtype=tensor.dtype).expand(shape),
        "sparse": lambda: tensor.float().to_sparse(),
        "quantised": lambda: torch.quantize_per_tensor(tensor.float(), 0.1, 0, torch.qint8),
        "meta": lambda: torch.zeros(shape, device="meta"),
        "nested": lambda: torch.nested.nested_tensor([torch.zeros(2), torch.zeros(3)]),
        "parameter": lambda: torch.nn.Parameter(tensor.float()),
        "negative": lambda: -tensor.abs() - 1,
    }
    name = draw.choice(list(makers))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return name, makers[name]()


def change_weights(weights: dict, draw: random.Random) -> str:
    """One entry of a state dict."""
    key = draw.choice(list(weights))
    how = draw.choice(["value", "value", "value", "value", "missing", "extra", "renamed", "key"])
    if how == "missing":
        del weights[key]
    elif how == "extra":
        weights["extra.weight"] = torch.zeros(3)
    elif how == "renamed":
        weights[f"module.{key}"] = weights.pop(key)
    elif how == "key":
        weights[draw.choice([5, None, 1.5, (1, 2), b"bytes", True])] = weights.pop(key)
    else:
        how, weights[key] = odd_tensor(weights[key], draw)
    return f"{key}: {how}"


def change_content(content: dict, draw: random.Random, outside: Path) -> tuple[str, Any]:
    """The structure around weights."""
    key = draw.choice(list(content))
    how = draw.choice(["missing", "list", "text", "none", "odd", "payload", "flat", "bare"])
    if how == "missing":
        del content[key]
    elif how == "list":
        return how, [1, 2]
    elif how == "bare":
        return how, torch.zeros(3)
    elif how == "flat" and isinstance(content[key], dict):
        return how, content[key]
    elif how == "payload":
        content["payload"] = Payload(outside)
    else:
        content[key] = {"text": "text", "none": None}.get(how, draw.choice(ODD_VALUES[:30]))
    return f"{key} {how}", content


def change_checkpoint(model: Path, draw: random.Random, outside: Path) -> str:
    (path,) = list((model / "checkpoints").glob("*.pt"))[-1:]
    content: Any = torch.load(path, weights_only=True)
    if draw.random() < 0.7:
        said = change_weights(content["model"], draw)
    else:
        said, content = change_content(content, draw, outside)
    path.unlink()
    torch.save(content, path, _use_new_zipfile_serialization=draw.random() < 0.95)
    return f"{path.name}: {said}"


def change_panns(model: Path, draw: random.Random, outside: Path) -> str:
    path = model / "panns.pt"
    content: Any = copy.deepcopy(torch.load(path, weights_only=True))
    entry = content[draw.choice(list(content))]
    kind = draw.random()
    if kind < 0.4:
        said = change_weights(entry["weights"], draw)
    elif kind < 0.8:
        key = draw.choice(list(entry["model"]))
        entry["model"][key] = value = draw.choice(ODD_VALUES)
        said = f"{key} = {value!r}"[:60]
    elif kind < 0.9:
        said, content = change_content(content, draw, outside)
    else:
        key = draw.choice(list(entry))
        entry[key] = draw.choice([None, 1, [], {}, "text"])
        said = f"{key} = {entry[key]!r}"
    path.unlink()
    torch.save(content, path)
    return f"panns.pt: {said}"
