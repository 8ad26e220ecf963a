"""What came of each step. A step is looked at when the next one is queued, so that none waits."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from uss import distributed
from uss.files import atomic
from uss.training.train_log import TrainLog

MAX_SKIPPED = 10  # batches with a loss or gradient that is not finite, in a whole training

logger = logging.getLogger(__name__)


class Outcome(NamedTuple):
    """values, in the host's memory once `copied` has happened: 1 where the step was skipped, else
    0, and the figures of these names."""

    step: int
    names: list[str]
    values: Tensor
    copied: torch.cuda.Event | None


class Outcomes:
    """Gives figures of steps to the log, and keeps the batches of those that were skipped.

    Args:
        directory: of the training.
        log: takes the figures.
        read: step -> its whole batch.
        num_skipped: batches so far.
    """

    def __init__(
        self,
        directory: Path,
        log: TrainLog,
        read: Callable[[int], dict[str, np.ndarray]],
        num_skipped: int,
    ) -> None:
        self.directory = directory
        self.log = log
        self.read = read
        self.num_skipped = num_skipped
        self.newest: Outcome | None = None  # its step may still run

    def add(self, step: int, skipped: Tensor, figures: dict[str, Tensor]) -> None:
        """A step that has been queued, its scalars on the device; looks at the one before."""
        before = self.newest
        values = torch.stack([skipped.double(), *(value.double() for value in figures.values())])
        values = values.to("cpu", non_blocking=True)  # of a GPU: to pinned memory
        copied = torch.cuda.current_stream().record_event() if skipped.is_cuda else None
        self.newest = Outcome(step, list(figures), values, copied)
        self._look_at(before)

    def look_at_all(self) -> None:
        """Waits for the newest step. Raises ValueError after more than MAX_SKIPPED batches."""
        newest, self.newest = self.newest, None
        self._look_at(newest)

    def _look_at(self, outcome: Outcome | None) -> None:
        if outcome is None:
            return
        if outcome.copied is not None:
            outcome.copied.synchronize()
        skipped, *figures = outcome.values.tolist()
        if skipped:
            self._keep(outcome.step)
        else:
            self.log.add(**dict(zip(outcome.names, figures, strict=True)))

    def _keep(self, step: int) -> None:
        """A batch that was not used, to be looked at."""
        self.num_skipped += 1
        path = self.directory / "skipped" / f"step_{step:08d}.npz"
        if distributed.rank() == 0:
            with atomic(path) as temporary:
                arrays: dict[str, Any] = {**self.read(step)}  # no array is named allow_pickle
                np.savez(temporary, **arrays)
        if self.num_skipped > MAX_SKIPPED:
            raise ValueError(
                f"{self.directory}: the loss of step {step} is not finite, after {MAX_SKIPPED} "
                "such batches that were skipped; the weights are untouched: check the inputs (the "
                f"batch is in {path}), or lower training.learning_rate under another --name"
            )
        logger.warning(
            "step %d: loss or gradient is not finite; the batch is skipped, and kept in %s",
            step,
            path,
        )
