"""Weights from a file into a network: compared with what the network needs before a value is
used."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor, nn

AnyModule = TypeVar("AnyModule", bound=nn.Module)

FLOATS = (torch.float32, torch.float16, torch.bfloat16, torch.float64)
INTEGERS = (torch.int64, torch.int32)
FETCH_AGAIN = "Fetch the original file, or name the right one"


def fill(
    module: nn.Module,
    tensors: Mapping,
    origin: Path | str,
    file_key: Callable[[str], str] = str,
    remedy: str = FETCH_AGAIN,
) -> None:
    """Loads `tensors` into `module`, whose keys and shapes they must have exactly; half and double
    precision become the module's own.

    file_key: the file's key for one of the module's. ValueError as from `refuse_other_weights`.
    """
    own = module.state_dict()
    refuse_other_weights(own, tensors, origin, type(module).__name__, file_key, remedy)
    module.load_state_dict({key: tensors[file_key(key)] for key in own})


def build(
    network: Callable[[], AnyModule],
    tensors: Mapping,
    origin: Path | str,
    file_key: Callable[[str], str] = str,
) -> AnyModule:
    """The network with the tensors of a file, which must be as for `fill`; none of its own are
    drawn first."""
    with torch.device("meta"):
        empty = network()
    refuse_other_weights(empty.state_dict(), tensors, origin, type(empty).__name__, file_key)
    return with_weights(empty, tensors, file_key)


def with_weights(
    empty: AnyModule, tensors: Mapping[str, Tensor], file_key: Callable[[str], str] = str
) -> AnyModule:
    """A network on the device `meta` with the tensors of a file in the place of its own, which so
    are never drawn; half and double precision become the network's."""
    own = empty.state_dict()
    weights = {key: tensors[file_key(key)].to(own[key].dtype).contiguous() for key in own}
    empty.load_state_dict(weights, assign=True)
    assert not any(tensor.is_meta for tensor in (*empty.parameters(), *empty.buffers()))
    return empty


def refuse_other_weights(
    needed: Mapping[str, Tensor],
    tensors: Mapping,
    origin: Path | str,
    network: str,
    file_key: Callable[[str], str] = str,
    remedy: str = FETCH_AGAIN,
) -> None:
    """Raises ValueError that lists missing, unexpected and misshapen keys of a file, or names the
    first tensor that no network can compute with.

    Args:
        needed: what the network has; of these only names, shapes and types are looked at, so that
            they may lie on torch's device `meta`, which takes no memory.
        tensors: what the file has.
        origin, network: for the message.
        file_key: the file's key for one of the network's.
    """
    expected = {file_key(key): tensor for key, tensor in needed.items()}
    shared = [key for key in expected if key in tensors]
    faults = {
        "missing": sorted(expected.keys() - tensors.keys()),
        "unexpected": sorted(str(key)[:80] for key in tensors.keys() - expected.keys()),
        "misshapen": [
            f"{key} {form(tensors[key])} instead of {tuple(expected[key].shape)}"
            for key in sorted(shared)
            if form(tensors[key]) != tuple(expected[key].shape)
        ],
        "of another type": [
            f"{key} {tensors[key].dtype}".replace("torch.", "")
            for key in sorted(shared)
            if isinstance(tensors[key], Tensor) and not same_type(tensors[key], expected[key])
        ],
    }
    if any(faults.values()):
        listed = "; ".join(f"{fault}: {shortened(keys)}" for fault, keys in faults.items() if keys)
        raise ValueError(f"{origin} does not hold the weights of {network}: {listed}. {remedy}")
    for key in shared:
        if not expected[key].is_floating_point():
            continue  # a number of batches, which the half precisions cannot hold
        if not is_finite(tensors[key]):
            raise ValueError(f"{origin}: {key} holds values that are not finite. {remedy}")
        if key.endswith("running_var") and (tensors[key] < 0).any():
            raise ValueError(f"{origin}: {key} holds variances below zero. {remedy}")


def form(value: object) -> tuple | str:
    """The shape of a plain tensor; in words what is none."""
    if not isinstance(value, Tensor):
        return type(value).__name__
    if value.is_nested or value.layout != torch.strided or value.is_quantized:
        return "in another layout"  # sparse tensors, say
    if value.device.type == "meta":
        return "without values"
    return tuple(value.shape)


def same_type(tensor: Tensor, expected: Tensor) -> bool:
    return tensor.dtype in FLOATS or (tensor.dtype in INTEGERS and not expected.is_floating_point())


def is_finite(tensor: Tensor) -> bool:
    """As float32, in which networks compute: of a double, 1e300 is not."""
    if not tensor.numel():
        return True
    extremes = tensor.float().aminmax()  # both are NaN where a value is
    return bool(extremes.min.isfinite() and extremes.max.isfinite())


def shortened(keys: list[str], most: int = 12) -> str:
    more = f" and {len(keys) - most} more" if len(keys) > most else ""
    return ", ".join(keys[:most]) + more
