"""train.jsonl: a line every few steps, without gaps or doubles when a training is resumed. Where
tensorboard is installed, the same as event files."""

import json
import logging
import os
import statistics
import time
from datetime import timedelta
from pathlib import Path

from uss.files import write_text
from uss.model_store.log_file import read_log
from uss.model_store.loss_curve import loss_curve
from uss.training.event_files import EventFiles, open_event_files

logger = logging.getLogger(__name__)


class TrainLog:
    """Collects the figures of each step; a line holds their means since the line before.

    Args:
        path: train.jsonl; None in a process that writes nothing. Lines after `step` come from
            steps that are done again, and go.
        step: steps done so far.
        state: of the log then, as `state()` gave it; None at the start.
    """

    def __init__(self, path: Path | None, step: int, state: dict | None = None) -> None:
        self.path = path
        state = state or {"figures": {}, "seconds": 0.0}
        self.figures: dict[str, list[float]] = state["figures"]
        self.seconds: float = state["seconds"]  # over all runs of the training
        self.time = time.monotonic()
        self.events: EventFiles | None = None
        if path is not None:
            lines = [line for line in read_log(path) if line["step"] <= step]
            write_text(path, "".join(json.dumps(line) + "\n" for line in lines))
            self.events = open_event_files(path.parent, lines, self.seconds)

    def __enter__(self) -> "TrainLog":
        self.file = (self.path or Path(os.devnull)).open("a", encoding="utf-8", buffering=1)
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()
        if self.events is not None:
            self.events.close()

    def add(self, **figures: float) -> None:
        """Figures of one step."""
        for name, value in figures.items():
            self.figures.setdefault(name, []).append(value)

    def state(self) -> dict:
        """For a checkpoint."""
        now = time.monotonic()
        self.seconds, self.time = self.seconds + now - self.time, now
        return {"figures": self.figures, "seconds": self.seconds}

    def write(self, step: int, num_steps: int, learning_rate: float) -> None:
        """Append a line, and say it in the process's log too."""
        if "loss" not in self.figures:  # every batch since the line before was skipped
            return
        seconds = self.state()["seconds"]
        means = {name: statistics.fmean(values) for name, values in self.figures.items()}
        self.figures = {}
        line = {"step": step, **means, "learning_rate": learning_rate, "seconds": round(seconds, 3)}
        self.file.write(json.dumps(line) + "\n")
        if self.events is not None:
            self.events.write([line])
        logger.info(
            "step %d/%d: %s, %.3g steps/s, %s left",
            step,
            num_steps,
            ", ".join(f"{name} {value:.4g}" for name, value in means.items()),
            step / seconds,
            timedelta(seconds=round((num_steps - step) * seconds / step)),
        )

    def plot(self) -> None:
        """loss.png, beside the log; a warning where it cannot be drawn."""
        assert self.path is not None, "the first process plots"

        loss_curve(self.path, self.path.with_name("loss.png"))
