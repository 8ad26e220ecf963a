"""The training loop, one for detector, A-MAE and separator."""

import logging
import math
import sys
import time
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from uss import distributed
from uss.checksums import shown
from uss.distributed import device
from uss.files import atomic
from uss.model_store import checkpoint
from uss.models.weights import fill
from uss.schema import Training
from uss.training.batch_norm import synchronise
from uss.training.schedules import decay_factor, warmup_factor
from uss.training.stop_signal import StopSignal
from uss.training.train_log import TrainLog
from uss.training.weights_average import WeightsAverage

MAX_SKIPPED = 10  # batches with a loss or gradient that is not finite, in a whole training
EXIT_STOPPED = 75  # EX_TEMPFAIL: run again, and the training goes on

logger = logging.getLogger(__name__)


class Task(Protocol):
    """What is trained. The batch of a step is a pure function of the seed and the step; where
    several processes train together, each takes its share of it."""

    @property
    def model(self) -> nn.Module:
        """What is trained, on its device."""

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        """What is updated, as an optimiser takes it."""

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        """The loss of this process's share of a step's batch, and figures for the log."""

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """The whole batch of a step, to be looked at."""

    def evaluate(self) -> dict[str, float]:
        """Figures for the log's last line; the model is in eval mode, without gradients."""


def train(task: Task, training: Training, directory: Path) -> None:
    """Train to `training.steps`, from the newest checkpoint in `directory` if there is one.

    Writes checkpoints, train.jsonl and loss.png. On SIGTERM or SIGUSR2 the step is finished, a
    checkpoint written, and the process exits with 75. Several processes (uss.distributed) share
    each batch, decide together, and the first of them writes.

    Raises:
        ValueError: more than MAX_SKIPPED batches had a loss or gradient that is not finite.
    """
    distributed.start(training.batch_size)
    is_first = distributed.rank() == 0
    set_up_torch(training.threads)
    model, optimizer = prepare(task, training)
    buffers = [buffer for norm in batch_norms(model) for buffer in norm.buffers()]
    rates = [group["lr"] for group in optimizer.param_groups]
    averages = training.weights_average > 0
    average = WeightsAverage(model, training.weights_average) if averages else None
    state = resume(directory, model, optimizer, average)
    step, num_skipped = state["step"], state["num_skipped"]
    log = TrainLog(directory / "train.jsonl" if is_first else None, step, state["log"])
    saved_at = time.monotonic()
    progress = tqdm(
        total=training.steps, initial=step, desc=str(directory), disable=None if is_first else True
    )
    with StopSignal() as stop, logging_redirect_tqdm(), progress, log:
        while step < training.steps:
            decay = decay_factor(step, training.steps, training.decay_steps)
            factor = decay * warmup_factor(step, training.warmup_steps)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            statistics = [buffer.clone() for buffer in buffers]
            figures = update(*task.loss(step), optimizer)
            if figures is not None:
                log.add(**figures)
                slow_down(buffers, statistics, decay)
                if average is not None:
                    average.update(step)
            else:
                for buffer, before in zip(buffers, statistics, strict=True):
                    buffer.copy_(before)
                num_skipped += 1
                skip(task, step, num_skipped, directory)
            step += 1
            progress.update()

            ended = step == training.steps
            stopping, is_due = distributed.any_of(
                stop.requested, time.monotonic() - saved_at > 60 * training.save_minutes
            )
            if ended and is_first:
                log.add(**evaluate(task, average))
            if ended or step % training.log_steps == 0:
                log.write(step, training.steps, learning_rate=rates[0] * factor)
            if ended or stopping or is_due:
                if is_first:
                    weights = model_state(model, average) | {"optimizer": optimizer.state_dict()}
                    state = {"step": step, "num_skipped": num_skipped, "log": log.state()}
                    checkpoint.save(directory, weights | state)
                distributed.any_of(False)  # nobody goes on, or ends, before the files are there
                saved_at = time.monotonic()
            if stopping and not ended:
                logger.info("stopped after step %d: run again, and the training goes on", step)
                sys.exit(EXIT_STOPPED)
        if is_first:
            log.plot()  # when all else is safe


def prepare(task: Task, training: Training) -> tuple[nn.Module, torch.optim.Optimizer]:
    """The task's model as it is trained, and what updates it."""
    model = task.model.train()
    # Faster convolutions. torch's stubs know memory_format beside other arguments only.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    synchronise(model)
    for norm in batch_norms(model):
        norm.momentum = training.batch_norm_momentum
    optimizer = torch.optim.AdamW(
        task.parameter_groups(training.learning_rate),
        betas=(training.betas[0], training.betas[1]),
        weight_decay=training.weight_decay,
        amsgrad=training.amsgrad,
        fused=True,
    )
    return model, optimizer


def set_up_torch(threads: int) -> None:
    """The same sums in the same order each time, as far as the device can."""
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(device().type == "cpu")
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]


def batch_norms(model: nn.Module) -> list[nn.modules.batchnorm._BatchNorm]:
    return [m for m in model.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm)]


def slow_down(buffers: list[Tensor], statistics: list[Tensor], factor: float) -> None:
    """BatchNorm's running statistics as if its momentum had been this share of what it is: the less
    the weights move, the longer statistics may be averaged. (torch.compile would compile a network
    anew for each value of its momentum, and after eight of them not at all.)"""
    if factor < 1:
        for buffer, before in zip(buffers, statistics, strict=True):
            if buffer.is_floating_point():  # not the number of batches
                buffer.copy_(before.lerp(buffer, factor))


def update(
    loss: Tensor, figures: dict[str, float], optimizer: torch.optim.Optimizer
) -> dict[str, float] | None:
    """One step of the optimiser; returns loss and figures of the whole batch. None, and nothing
    done, if loss or gradient is not finite."""
    optimizer.zero_grad()
    loss.backward()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    gradients = [p.grad for p in parameters if p.grad is not None]
    distributed.average(gradients)
    norm = nn.utils.get_total_norm(gradients)
    figures = distributed.mean_figures({"loss": loss.item(), **figures})
    if not math.isfinite(figures["loss"] + norm.item()):
        return None
    optimizer.step()
    return figures


def skip(task: Task, step: int, num_skipped: int, directory: Path) -> None:
    """Keep a batch that is not used, to be looked at; raises ValueError after too many."""
    path = directory / "skipped" / f"step_{step:08d}.npz"
    if distributed.rank() == 0:
        with atomic(path) as temporary:
            arrays: dict[str, Any] = {**task.batch(step)}  # no array is named allow_pickle
            np.savez(temporary, **arrays)
    if num_skipped > MAX_SKIPPED:
        raise ValueError(
            f"{directory}: the loss of step {step} is not finite, after {MAX_SKIPPED} such batches "
            "that were skipped; the weights are untouched: check the inputs (the batch is in "
            f"{path}), or lower training.learning_rate under another --name"
        )
    logger.warning(
        "step %d: loss or gradient is not finite; the batch is skipped, and kept in %s", step, path
    )


@torch.no_grad()
def evaluate(task: Task, average: WeightsAverage | None) -> dict[str, float]:
    task.model.eval()
    with nullcontext() if average is None else average.in_place():
        figures = task.evaluate()
    task.model.train()
    return figures


def model_state(model: nn.Module, average: WeightsAverage | None) -> dict[str, dict[str, Tensor]]:
    """For a checkpoint: `model` is what is evaluated and separated with. Beside an average, the
    `last_weights` are what the training goes on from."""
    if average is None:
        return {"model": model.state_dict()}
    return {"model": average.average, "last_weights": average.weights}


def resume(
    directory: Path,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    average: WeightsAverage | None,
) -> dict:
    """Load the newest checkpoint, if any; returns its state, without weights.

    The first process reads it for all: on a shared disk the others may not see it yet.
    """
    is_first = distributed.rank() == 0
    state = distributed.from_first(checkpoint.load_newest(directory) if is_first else None)
    if state is None:
        return {"step": 0, "num_skipped": 0, "log": None}
    origin = directory / "checkpoints" / f"step_{state['step']:08d}.pt"
    again = "Remove it, and the training goes on from the one before; or choose another --name"
    needed = {"optimizer", "num_skipped", "log"} | ({"last_weights"} if average else set())
    missing = needed - state.keys()
    if missing:
        raise ValueError(f"{origin} lacks {', '.join(sorted(missing))}. {again}")
    fill(model, state.pop("model"), origin, remedy=again)
    if average is not None:
        average.take_over()
        fill(model, state.pop("last_weights"), origin, remedy=again)
    try:
        saved = state.pop("optimizer")
        for group in saved["param_groups"]:
            group["fused"] = True  # an older checkpoint says otherwise
        optimizer.load_state_dict(saved)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{origin} does not hold the state of this optimiser ({shown(error)}). {again}"
        ) from None
    logger.info("%s goes on from step %d", directory, state["step"])
    return state
