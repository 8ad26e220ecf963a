"""Weights that anyone can regenerate, in the published key layouts (the parity fixtures' rule)."""

import functools
import json
import zlib
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from uss.models.published import PANNS, WINDOW_SIZE
from uss.models.published_tables import panns_tables, resunet_tables
from uss.models.vit import position_table

FIXTURES = Path(__file__).parents[1] / "fixtures"


def fixture(name: str) -> dict[str, np.ndarray]:
    """Inputs and outputs of one reference model."""
    return dict(np.load(FIXTURES / f"{name}.npz"))


def layout(name: str) -> dict[str, list[int]]:
    """Key -> shape of one published model, from checkpoint_keys.json."""
    return json.loads((FIXTURES / "checkpoint_keys.json").read_text())[name]


def weight(key: str, shape: list[int]) -> Tensor:
    """The value that the fixtures' authors gave to a key."""
    rng = np.random.default_rng(zlib.crc32(key.encode()))
    n = rng.standard_normal(shape).astype(np.float32)
    if key.endswith("running_var"):
        n = 1 + 0.1 * np.abs(n)
    elif key.endswith("running_mean"):
        n = 0.1 * n
    elif key.endswith("bias"):
        n = 0.02 * n
    elif n.ndim == 1:
        n = 1 + 0.1 * n
    elif key.endswith("_token"):
        n = 0.02 * n
    else:
        n = n * np.sqrt(2 / np.prod(shape[1:])).astype(np.float32)
    return torch.from_numpy(n.astype(np.float32))


@functools.cache
def tables() -> dict[str, np.ndarray]:
    """What the models themselves compute: STFT, mel and position tables."""
    return {
        **panns_tables(PANNS),
        **resunet_tables(WINDOW_SIZE),
        # Built on an 8 x 64 grid, though the patches are numbered on 64 x 8.
        "pos_embed": position_table(768, 8, 64).numpy(),
        "decoder_pos_embed": position_table(512, 8, 64).numpy(),
    }


def published_state(name: str) -> dict[str, Tensor]:
    """A state dict with exactly the keys and shapes of a published file."""
    state = empty_state(name)
    for key in state.keys() - tables().keys():
        if not key.endswith("num_batches_tracked"):
            state[key] = weight(key, list(state[key].shape))
    return state


def empty_state(name: str) -> dict[str, Tensor]:
    """Keys, shapes and tables of a published file, all weights zero; small on disk."""
    fixed = tables()
    state = {}
    for key, shape in layout(name).items():
        if key in fixed:
            state[key] = torch.from_numpy(np.ascontiguousarray(fixed[key], dtype=np.float32))
        else:
            state[key] = torch.zeros(()).expand(shape)
        assert list(state[key].shape) == shape, key
    return state
