"""Checkpoints: written atomically, the newest two kept, the newest that opens loaded."""

import logging
import zipfile
from pathlib import Path

import torch

from uss.files import atomic
from uss.training.model_config import checkpoints

NUM_KEPT = 2

logger = logging.getLogger(__name__)


def save(directory: Path, state: dict) -> Path:
    """Write `state`, of tensors and numbers, as directory/checkpoints/step_<state["step"]>.pt.

    Older ones beyond NUM_KEPT go, and so do later ones: `load_newest` could not open them.
    """
    folder = directory / "checkpoints"
    path = folder / f"step_{state['step']:08d}.pt"
    with atomic(path) as temporary:
        _write(state, temporary)
    for stale in folder.glob(".step_*.tmp.pt"):  # of a process that was killed while writing
        stale.unlink()
    before = [other for step, other in checkpoints(directory) if step <= state["step"]]
    for _, other in checkpoints(directory):
        if other not in before[-NUM_KEPT:]:
            other.unlink()
    return path


def _write(state: dict, path: Path) -> None:
    """torch.save, which hides the reason where writing fails."""
    try:
        with path.open("wb") as file:
            torch.save(state, file)
    except RuntimeError as error:
        raise error.__context__ if isinstance(error.__context__, OSError) else error from None


def load_newest(directory: Path) -> dict | None:
    """The newest checkpoint that opens, on the CPU; None where there is none yet.

    Raises:
        ValueError: there are some, and none opens.
    """
    paths = [path for _, path in checkpoints(directory)]
    for path in reversed(paths):
        try:
            with zipfile.ZipFile(path) as content:
                broken = content.testzip()  # torch.load does not compare the checksums
            if broken is not None:
                raise zipfile.BadZipFile(f"{broken} has another checksum")
            return torch.load(path, map_location="cpu", weights_only=True)
        except (OSError, RuntimeError, zipfile.BadZipFile) as error:
            logger.warning("%s does not open (%s); trying the one before", path, error)
    if paths:
        raise ValueError(f"no checkpoint in {directory} opens; remove it and train again")
    return None
