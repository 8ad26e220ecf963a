"""Opens a file of weights from somebody else without running anything that it may hold."""

import _codecs
import argparse
import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.serialization import safe_globals

# What published files hold beside tensors: Audio-MAE its options, PANNs its sampler's arrays.
# Both names of numpy's own modules: files were written by numpy 1 and 2.
multiarray = np._core.multiarray  # type: ignore[attr-defined]  # numpy's stubs lack it
SAFE_GLOBALS = [
    argparse.Namespace,
    _codecs.encode,
    np.dtype,
    np.ndarray,
    *(getattr(np.dtypes, name) for name in np.dtypes.__all__ if name != "ObjectDType"),
    *(
        (function, f"numpy.{core}.multiarray.{name}")
        for core in ("core", "_core")
        for name, function in (
            ("scalar", multiarray.scalar),
            ("_reconstruct", multiarray._reconstruct),
        )
    ),
]

SAFETENSORS_TYPES = {"F64": torch.float64, "F32": torch.float32, "F16": torch.float16,
                     "BF16": torch.bfloat16, "I64": torch.int64, "I32": torch.int32}  # fmt: skip


def read(path: Path) -> dict:
    """The dictionary of a PyTorch or safetensors file, tensors on the CPU (mapped, not read).

    ValueError if there is no file, if it is damaged, or if it holds anything but tensors, numbers,
    texts, containers, numpy arrays and argparse options; nothing of it is run.
    """
    if not path.is_file():
        raise ValueError(f"{path}: no such file; check the path or fetch the weights")
    with path.open("rb") as file:
        start = file.read(9)
    if start[8:] == b"{":
        return read_safetensors(path)
    try:
        with safe_globals(SAFE_GLOBALS):
            content = torch.load(
                path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path)
            )
    except Exception as error:  # a damaged file makes torch's reader raise almost anything
        forbidden = re.search(r"GLOBAL (\S+)", str(error))
        if forbidden is None:
            raise ValueError(damaged(path)) from error
        raise ValueError(
            f"{path} is refused: it holds {forbidden[1]}, and opening it could run code. "
            "Fetch the published file; or, if you trust the writer, open it yourself elsewhere "
            "and save its state dict alone with torch.save"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a dictionary of weights")
    return content


def damaged(path: Path) -> str:
    return f"{path} is truncated, or not a file of weights: fetch it again"


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Tensors by name: 8 bytes of header length, a JSON header, the values."""
    content = np.memmap(path, np.uint8, mode="c")
    try:
        length = int.from_bytes(content[:8].tobytes(), "little")
        header = json.loads(content[8 : 8 + length].tobytes())
        header.pop("__metadata__", None)
        tensors = {}
        for name, entry in header.items():
            begin, end = (8 + length + offset for offset in entry["data_offsets"])
            values = torch.from_numpy(content[begin:end]).view(SAFETENSORS_TYPES[entry["dtype"]])
            tensors[name] = values.view(entry["shape"])
    except (ValueError, KeyError, TypeError, AttributeError, RuntimeError) as error:
        raise ValueError(damaged(path)) from error
    return tensors


def fill(
    module: torch.nn.Module,
    tensors: dict,
    origin: Path | str,
    file_key: Callable[[str], str] = str,
) -> None:
    """Loads `tensors` into `module`, whose keys and shapes they must have exactly.

    file_key: the file's key for one of the module's. ValueError that lists missing, unexpected
    and misshapen keys of the file.
    """
    expected = {file_key(key): tensor for key, tensor in module.state_dict().items()}
    shared = expected.keys() & tensors.keys()
    shapes = {key: tuple(getattr(tensors[key], "shape", "?")) for key in shared}
    faults = {
        "missing": sorted(expected.keys() - shared),
        "unexpected": sorted(tensors.keys() - shared),
        "misshapen": [
            f"{key} {shapes[key]} instead of {tuple(expected[key].shape)}"
            for key in sorted(shared)
            if shapes[key] != tuple(expected[key].shape)
        ],
    }
    if any(faults.values()):
        listed = "; ".join(f"{fault}: {shortened(keys)}" for fault, keys in faults.items() if keys)
        raise ValueError(
            f"{origin} is not a published {type(module).__name__}: {listed}. "
            "Fetch the original file, or name the right one"
        )
    module.load_state_dict({key: tensors[file_key(key)] for key in module.state_dict()})


def shortened(keys: list[str], most: int = 12) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more
