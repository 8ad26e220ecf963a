"""TensorBoard's event files beside train.jsonl: the same figures, and examples to hear.

Only where tensorboard is installed (`pip install uss[tensorboard]`); nothing depends on them. At
each start of a training they are written anew from the lines of train.jsonl, so no step stands
twice, and a training that began without them has all its steps.
"""

import importlib.util
import logging
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

PATTERN = "events.out.tfevents.*"

logger = logging.getLogger(__name__)


class Example(NamedTuple):
    """signals: what it is (mixture, target, separated) -> (samples,)."""

    name: str
    signals: dict[str, np.ndarray]
    sample_rate: int


class EventFiles:
    """The event files of a model directory.

    Args:
        directory: of the model, which is the run's name in TensorBoard.
        lines: of train.jsonl so far.
        seconds: that the training has taken so far. A line's time is that of the training, without
            the pauses between its runs.
    """

    def __init__(self, directory: Path, lines: list[dict], seconds: float) -> None:
        from torch.utils.tensorboard import SummaryWriter

        for earlier in directory.glob(PATTERN):
            earlier.unlink()
        # A page that is open forgets what it has read of the earlier ones.
        self.writer = SummaryWriter(str(directory), purge_step=0)
        self.start = time.time() - seconds
        self.write(lines)

    def write(self, lines: list[dict]) -> None:
        for line in lines:
            for name, value in line.items():
                if name not in ("step", "seconds"):
                    when = self.start + line["seconds"]
                    self.writer.add_scalar(_tag(name), value, line["step"], when)
        self.writer.flush()

    def write_examples(self, examples: list[Example], step: int) -> None:
        """As 16-bit audio. The signals of an example keep their levels among each other."""
        for example in examples:
            peak = max(1.0, *(np.abs(signal).max() for signal in example.signals.values()))
            for what, signal in example.signals.items():
                tag = f"{example.name}/{what}"
                self.writer.add_audio(tag, signal[None] / peak, step, example.sample_rate)

    def close(self) -> None:
        self.writer.close()


def open_event_files(directory: Path, lines: list[dict], seconds: float) -> EventFiles | None:
    """None where tensorboard is not installed, or, with a warning, where it does not work."""
    if importlib.util.find_spec("tensorboard") is None:
        return None
    try:
        return EventFiles(directory, lines, seconds)
    except Exception as error:  # of whatever it imports; the training does not need it
        logger.warning("%s: no event files, as tensorboard does not work (%s)", directory, error)
        return None


def _tag(name: str) -> str:
    """TensorBoard shows a group for each word before the slash."""
    group = "development" if name.startswith("dev_") else "training"
    return f"{group}/{name.removeprefix('dev_')}"
