"""Batches read a step ahead, in a thread of their own, so that no step waits for a disk."""

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import ParamSpec, TypeVar

import numpy as np
import torch
from torch import Tensor

P = ParamSpec("P")
Result = TypeVar("Result")


class BatchReader:
    """Reads the batch of each step, from `step` to the one before `num_steps`, in this order.

    Readers of packed files are not made for several threads, so all that is read while a training
    runs is read here. An error of the thread is raised where the batch is asked for.

    Args:
        inputs: step -> arrays on the CPU by name, a pure function.
        device: where the batches are needed.
    """

    def __init__(
        self,
        inputs: Callable[[int], Mapping[str, np.ndarray]],
        step: int,
        num_steps: int,
        device: torch.device,
    ) -> None:
        self.inputs = inputs
        self.num_steps = num_steps
        self.device = device
        self.thread = ThreadPoolExecutor(1, "reader")
        self.ahead: tuple[int, Future[dict[str, Tensor]]] | None = None
        self._start(step)

    def __enter__(self) -> "BatchReader":
        return self

    def __exit__(self, *_: object) -> None:
        self.thread.shutdown()

    def take(self, step: int) -> dict[str, Tensor]:
        """The batch of the next step, on the device."""
        assert self.ahead is not None and self.ahead[0] == step, (step, self.ahead)
        batch = self.ahead[1].result()
        self._start(step + 1)
        return on_device(batch, self.device)

    def read(self, function: Callable[P, Result], *args: P.args, **kwargs: P.kwargs) -> Result:
        """The result of a function that reads, once the thread has run it."""
        return self.thread.submit(function, *args, **kwargs).result()

    def _start(self, step: int) -> None:
        more = step < self.num_steps
        self.ahead = (step, self.thread.submit(self._read, step)) if more else None

    def _read(self, step: int) -> dict[str, Tensor]:
        tensors = {name: torch.from_numpy(array) for name, array in self.inputs(step).items()}
        if self.device.type == "cuda":  # from other memory a copy would hold up the step
            tensors = {name: tensor.pin_memory() for name, tensor in tensors.items()}
        return tensors


def on_device(
    batch: Mapping[str, np.ndarray] | Mapping[str, Tensor], device: torch.device
) -> dict[str, Tensor]:
    """What is queued next finds it there; nobody waits, where the memory is pinned."""
    return {
        name: torch.as_tensor(values).to(device, non_blocking=True)
        for name, values in batch.items()
    }
