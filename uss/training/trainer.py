"""The training loop, one for detector, A-MAE and separator."""

import logging
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from uss import distributed
from uss.checksums import shown
from uss.distributed import device
from uss.model_store import checkpoint
from uss.models.weights import fill
from uss.schema import Training
from uss.training.batch_norm import synchronise
from uss.training.batch_reader import BatchReader
from uss.training.development import Development
from uss.training.outcomes import Outcomes
from uss.training.running_statistics import RunningStatistics, batch_norms
from uss.training.schedules import decay_factor, warmup_factor
from uss.training.stop_signal import StopSignal
from uss.training.train_log import TrainLog
from uss.training.weights_average import WeightsAverage

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

    def inputs(self, step: int) -> dict[str, np.ndarray]:
        """This process's share of a step's batch, as `loss` needs it."""

    def loss(self, inputs: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        """Inputs on the device -> their loss, and scalars for the log. Nothing that waits."""

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """The whole batch of a step, to be looked at."""

    def evaluate(self) -> dict[str, float]:
        """Figures for the log's last line; the model is in eval mode, without gradients."""


def train(
    task: Task, training: Training, directory: Path, development: Development | None = None
) -> None:
    """Train to `training.steps`, from the newest checkpoint in `directory` if there is one.

    Writes checkpoints, train.jsonl (also what `development` measures every so often) and loss.png.
    On SIGTERM or SIGUSR2 the step is finished, a checkpoint written, and the process exits with 75.
    Several processes (uss.distributed) share each batch, decide together, and the first of them
    writes.

    Raises:
        ValueError: too many batches had a loss or gradient that is not finite (Outcomes).
    """
    distributed.start(training.batch_size)
    distributed.log_device()
    is_first = distributed.rank() == 0
    set_up_torch(training.threads)
    model, optimizer = prepare(task, training)
    rates = [group["lr"] for group in optimizer.param_groups]
    averages = training.weights_average > 0
    average = WeightsAverage(model, training.weights_average) if averages else None
    state = resume(directory, model, optimizer, average)
    step = state["step"]
    statistics = RunningStatistics(model)
    log = TrainLog(directory / "train.jsonl" if is_first else None, step, state["log"])
    saved_at = time.monotonic()
    progress = tqdm(
        total=training.steps, initial=step, desc=str(directory), disable=None if is_first else True
    )
    reader = BatchReader(task.inputs, step, training.steps, device())
    outcomes = Outcomes(
        directory, log, lambda step: reader.read(task.batch, step), state["num_skipped"]
    )
    with StopSignal() as stop, logging_redirect_tqdm(), progress, log, reader:
        while step < training.steps:
            decay = decay_factor(step, training.steps, training.decay_steps)
            factor = decay * warmup_factor(step, training.warmup_steps)
            for group, rate in zip(optimizer.param_groups, rates, strict=True):
                group["lr"] = rate * factor
            statistics.fix(step >= training.steps - training.fixed_statistics_steps)
            skipped, figures = update(*task.loss(reader.take(step)), optimizer)
            statistics.settle(skipped, decay)
            if average is not None:
                average.update(step, skipped)
            outcomes.add(step, skipped, figures)
            step += 1
            progress.update()

            ended = step == training.steps
            stopping, is_due = distributed.any_of(
                stop.requested, time.monotonic() - saved_at > 60 * training.save_minutes
            )
            is_logged = ended or step % training.log_steps == 0
            if is_logged or stopping or is_due:
                outcomes.look_at_all()
            if ended and is_first:
                with as_used(task, average):
                    log.add(**task.evaluate())
            if development and is_first and (ended or step % development.steps == 0):
                with as_used(task, average):
                    log.add(**development.figures())
            if is_logged:
                log.write(step, training.steps, learning_rate=rates[0] * factor)
            if ended or stopping or is_due:
                if is_first:
                    weights = model_state(model, average) | {"optimizer": optimizer.state_dict()}
                    state = {"step": step, "num_skipped": outcomes.num_skipped}
                    state["log"] = log.state()
                    checkpoint.save(directory, weights | state)
                distributed.any_of(False)  # nobody goes on, or ends, before the files are there
                saved_at = time.monotonic()
            if stopping and not ended:
                logger.info("stopped after step %d: run again, and the training goes on", step)
                sys.exit(EXIT_STOPPED)
        if is_first:
            log.plot()  # when all else is safe
            if development and log.events:
                with as_used(task, average):
                    log.events.write_examples(development.examples(), step)


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


def update(
    loss: Tensor, figures: dict[str, Tensor], optimizer: torch.optim.Optimizer
) -> tuple[Tensor, dict[str, Tensor]]:
    """One step of the optimiser, which touches nothing if loss or gradient is not finite.

    Returns 1 in that case, else 0, and loss and figures of the whole batch: scalars on the device,
    which has not been waited for.
    """
    optimizer.zero_grad()
    loss.backward()
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    gradients = [p.grad for p in parameters if p.grad is not None]
    distributed.average(gradients)
    figures = distributed.mean_figures({"loss": loss.detach(), **figures})
    is_finite = torch.isfinite(figures["loss"] + nn.utils.get_total_norm(gradients))
    skipped = (~is_finite).float()
    # What a GradScaler tells a fused optimiser: torch.optim.Optimizer knows no such attribute.
    optimizer.found_inf = skipped  # type: ignore[attr-defined]
    optimizer.step()
    return skipped, figures


@contextmanager
def as_used(task: Task, average: WeightsAverage | None) -> Iterator[None]:
    """The model as it will be used, while the block runs; then it is as it was before."""
    # Of each module: BatchNorms may be fixed.
    modes = [(module, module.training) for module in task.model.modules()]
    task.model.eval()
    with torch.no_grad(), nullcontext() if average is None else average.in_place():
        yield
    for module, mode in modes:
        module.training = mode


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
