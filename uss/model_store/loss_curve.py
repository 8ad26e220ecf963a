"""The loss curve of a training, drawn from its train.jsonl."""

from pathlib import Path

import numpy as np

from uss import plotting
from uss.model_store.log_file import read_log

SMOOTHING = 20  # the smooth line averages a 20th of the curve


def loss_curve(train_jsonl: Path, out_png: Path) -> None:
    """Draw loss against step, a running mean over it, and the learning rate where it is logged."""
    style = {"text.parse_math": True}  # powers of ten; no name stands in this picture
    plotting.draw([out_png], lambda: _draw(train_jsonl, out_png), style)


def _draw(train_jsonl: Path, out_png: Path) -> None:
    from matplotlib.figure import Figure

    lines = read_log(train_jsonl)
    steps = np.array([line["step"] for line in lines])
    losses = np.array([line["loss"] for line in lines])
    figure = Figure(figsize=(5, 3), layout="constrained")
    ax = figure.subplots()
    ax.plot(steps, losses, color="0.7", linewidth=0.8, label="loss")
    length = max(1, len(losses) // SMOOTHING)
    if length > 1:
        smooth = np.convolve(losses, np.full(length, 1 / length), mode="valid")
        ax.plot(steps[length - 1 :], smooth, color="black", label=f"mean of {length}")
    ax.set_xlabel("step")
    ax.set_ylabel("loss")
    if len(losses) and losses.min() > 0 and losses.max() > 10 * losses.min():
        ax.set_yscale("log")
    rates = [line["learning_rate"] for line in lines if "learning_rate" in line]
    if rates and len(rates) == len(lines):
        right = ax.twinx()
        right.plot(steps, rates, color="tab:blue", linewidth=0.8)
        right.set_yscale("log")
        right.set_ylabel("learning rate", color="tab:blue")
    ax.legend(loc="upper right")
    ax.grid(color="0.9", linewidth=0.5)
    plotting.save(figure, out_png, dpi=120)
