"""Opens a file of weights from somebody else without running anything that it may hold."""

import _codecs
import argparse
import re
import zipfile
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
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


def unpickled(path: Path, mapped: bool = False) -> object:
    """What a file of our own holds, tensors on the CPU (mapped, where only some of them are
    needed: a training goes on from copies). ValueError where torch.save did not write
    it, or where it holds anything but tensors, numbers, texts and containers.

    Ours are no safetensors files: they hold more than tensors by name, and torch.save's checksums
    find a flipped bit, for which safetensors has none.
    """
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
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
    """Tensors by name; what the file says about itself is left out."""
    try:
        return load_file(path)
    except SafetensorError as error:
        raise ValueError(f"{damaged(path)} ({shown(error)})") from error
