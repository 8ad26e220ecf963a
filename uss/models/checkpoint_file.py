"""Opens a file of weights from somebody else without running anything that it may hold."""

import _codecs
import argparse
import json
import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.serialization import safe_globals

from uss.checksums import shown

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
    except (OSError, MemoryError):
        raise
    except Exception as error:  # a damaged file makes torch's reader raise almost anything
        refusal = forbidden(path, error)
        if refusal is None:
            raise ValueError(damaged(path)) from error
        raise ValueError(
            f"{refusal}. Fetch the published file; or, if you trust the writer, open it yourself "
            "elsewhere and save its state dict alone with torch.save"
        ) from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a {type(content).__name__}, not a dictionary of weights")
    return content


def unpickled(path: Path) -> object:
    """What a file of our own holds, tensors on the CPU. ValueError where torch.save did not write
    it, or where it holds anything but tensors, numbers, texts and containers."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True)
    except (OSError, MemoryError):
        raise
    except Exception as error:  # as above
        raise ValueError(forbidden(path, error) or f"{path}: {shown(error)}") from error


def forbidden(path: Path, error: Exception) -> str | None:
    """What is said of a file that torch refuses to open because it could run code."""
    name = re.search(r"GLOBAL (\S+)", str(error))
    return name and f"{path} is refused: it holds {name[1]}, and opening it could run code"


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
