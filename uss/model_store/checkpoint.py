"""Checkpoints: written atomically, the newest two kept. A training goes on from the newest that
opens; everything else opens exactly the newest (model_config.newest_checkpoint)."""

import logging
from pathlib import Path

import torch

from uss.checksums import damage
from uss.files import atomic
from uss.model_store.model_config import checkpoints
from uss.models.checkpoint_file import unpickled

NUM_KEPT = 2

logger = logging.getLogger(__name__)


def save(directory: Path, state: dict) -> Path:
    """Write `state`, of tensors and numbers, as directory/checkpoints/step_<state["step"]>.pt.

    Older ones beyond NUM_KEPT go, and so do later ones: `load_newest` could not open them.
    """
    folder = directory / "checkpoints"
    path = folder / f"step_{state['step']:08d}.pt"
    with atomic(path) as temporary:
        write_tensors(state, temporary)
    for stale in folder.glob(".step_*.tmp.pt"):  # of a process that was killed while writing
        stale.unlink()
    before = [other for step, other in checkpoints(directory) if step <= state["step"]]
    for _, other in checkpoints(directory):
        if other not in before[-NUM_KEPT:]:
            other.unlink()
    return path


def write_tensors(state: dict, path: Path) -> None:
    """torch.save, which hides the reason where writing fails."""
    try:
        with path.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:
        raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def load_newest(directory: Path) -> dict | None:
    """The newest checkpoint that opens, on the CPU, for a training to go on from; None where there
    is none yet.

    Raises:
        ValueError: there are some, and none opens.
        OSError: the disk's fault, not the file's.
    """
    found = checkpoints(directory)
    for step, path in reversed(found):
        try:
            reason = damage(path)
            if reason is not None:
                raise ValueError(reason)
            return read(path, step)
        except ValueError as error:
            logger.warning("%s does not open (%s); trying the one before", path, error)
    if found:
        raise ValueError(f"no checkpoint in {directory} opens; remove it and train again")
    return None


def read(path: Path, step: int, mapped: bool = False) -> dict:
    """A checkpoint of `step` steps, whose checksums hold, on the CPU; `model` are its weights by
    name. ValueError where the file holds anything else; nothing in it is run."""
    content = unpickled(path, mapped)
    if not isinstance(content, dict) or not isinstance(content.get("model"), dict):
        raise ValueError(f"{path} is no checkpoint: it holds no dictionary of weights `model`")
    if content.get("step") != step:
        raise ValueError(f"{path} holds step {str(content.get('step'))[:20]}")
    return content
