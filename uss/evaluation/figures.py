"""Figure 2 (class-wise SDRi) and Figure 3 (spectrograms), for a paper's column and for the page."""

import csv
import logging
import math
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage, imsave
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator

from uss.evaluation.comparison import ClassValues, Comparison
from uss.evaluation.examples import Example
from uss.evaluation.results_table import label
from uss.evaluation.spectrogram import colour_limits, spectrogram
from uss.files import atomic

COLUMN_INCHES, PAGE_INCHES = 3.5, 7.16  # IEEE: one column, two columns
COLUMN_CLASSES, PAGE_CLASSES = 36, 72  # that fit side by side with names of 6 points
MAX_NAMED_ROWS = 3  # of PAGE_CLASSES: what fits on a page; with more classes none is named
CURVE_INCHES = 1.45  # height of a row of curves, with legend, without names
NAME_LETTERS, LETTER_INCHES = 27, 0.047  # of a class's name: at most; height of one
BASELINE_COLOUR, MAE_COLOUR = "red", "black"
STYLE: dict[Any, float] = {
    "font.size": 7,
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "pdf.fonttype": 42,  # TrueType: text stays text, as publishers ask
    "text.parse_math": False,  # a "$" in a class's name is a dollar
}


logging.getLogger("fontTools").setLevel(logging.WARNING)  # it tells every glyph of a PDF


def figure2(comparison: Comparison, class_ids: list[str] | None, stem: Path) -> None:
    """Class-wise SDRi with the average embedding, in descending order of the MAE system.

    Writes stem.pdf, stem.png and stem.csv.

    Args:
        class_ids: the classes to show, None for all that have mixtures.

    Raises:
        ValueError: a class that has no mixtures.
    """
    strange = set(class_ids or []) - {row.class_id for row in comparison.classes}
    if strange:
        raise ValueError(
            f"evaluate.yaml: figure2_classes: no mixtures of {', '.join(sorted(strange))}"
        )
    curves = [
        (system, colour, marker)
        for system, colour, marker in (
            (comparison.baseline, BASELINE_COLOUR, "s"),
            (comparison.mae_system, MAE_COLOUR, "o"),
        )
        if system
    ] or [(comparison.leading_system, MAE_COLOUR, "o")]
    order = comparison.leading_system
    shown = [row for row in comparison.classes if class_ids is None or row.class_id in class_ids]
    shown.sort(key=lambda row: -row.sdri["average"][order])
    systems = [system for system, _, _ in curves]
    with atomic(stem.with_suffix(".csv")) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["class_id", "name", "num_recordings", "num_mixtures", *systems])
        for row in shown:
            numbers = [f"{row.sdri['average'][system]:.4f}" for system in systems]
            counts = [row.num_recordings, row.num_mixtures]
            writer.writerow([row.class_id, row.name, *counts, *numbers])
    with matplotlib.rc_context(STYLE):
        _save(class_curves(shown, curves), stem)


def class_curves(shown: list[ClassValues], curves: list[tuple[str, str, str]]) -> Figure:
    """Figure 2 at a column's width, or at a page's where the classes need that.

    Args:
        shown: in their order.
        curves: (system, colour, marker).
    """
    if len(shown) > MAX_NAMED_ROWS * PAGE_CLASSES:
        return _ranked_curves(shown, curves)
    return _named_curves(shown, curves)


def _ranked_curves(shown: list[ClassValues], curves: list[tuple[str, str, str]]) -> Figure:
    """Hundreds of classes in one column: their ranks in place of their names, which the CSV has.

    The last curve is the one that orders them, a line; the other one is a cloud of dots.
    """
    figure = Figure((COLUMN_INCHES, 2.0), layout="constrained")
    ax = figure.subplots()
    for number, (system, colour, _) in enumerate(curves, 1):
        values = [row.sdri["average"][system] for row in shown]
        style = "-" if number == len(curves) else "."
        ranks = range(1, len(shown) + 1)
        ax.plot(
            ranks, values, style, color=colour, markersize=1.5, linewidth=1, label=label(system)
        )
    _finish(ax)
    ax.set_xlim(1, len(shown))
    ax.set_xlabel(f"rank of {len(shown)} classes")
    ax.legend(frameon=False, markerscale=3)
    return figure


def _finish(ax: Axes) -> None:
    low, high = ax.get_ylim()
    if low < 0 < high:
        ax.axhline(0, color="grey", linewidth=0.6, zorder=0)
    ax.grid(axis="y", color="0.9", linewidth=0.4)
    ax.set_axisbelow(True)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set_ylabel("SDRi (dB)")


def _named_curves(shown: list[ClassValues], curves: list[tuple[str, str, str]]) -> Figure:
    narrow = len(shown) <= COLUMN_CLASSES
    num_rows = math.ceil(len(shown) / (COLUMN_CLASSES if narrow else PAGE_CLASSES))
    per_row = math.ceil(len(shown) / num_rows)
    parts = [shown[start : start + per_row] for start in range(0, len(shown), per_row)]
    names = [[_shortened(row.name) for row in part] for part in parts]
    # The curves keep their height however long the names below them are.
    height = sum(CURVE_INCHES + max(map(len, of_part)) * LETTER_INCHES for of_part in names)
    figure = Figure((COLUMN_INCHES if narrow else PAGE_INCHES, height), layout="constrained")
    axes = figure.subplots(num_rows, 1, squeeze=False, sharey=True)[:, 0]
    for ax, part, of_part in zip(axes, parts, names, strict=True):
        for system, colour, marker in curves:
            values = [row.sdri["average"][system] for row in part]
            ax.plot(
                values,
                color=colour,
                marker=marker,
                markersize=2,
                linewidth=0.7,
                label=label(system),
            )
        ax.set_xlim(-0.6, per_row - 0.4)
        ax.set_xticks(range(len(part)), of_part, rotation=90, fontsize=6)
    for ax in axes:  # when their common limits are known
        _finish(ax)
    handles = axes[0].get_lines()[: len(curves)]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(curves), frameon=False)
    return figure


def _shortened(name: str) -> str:
    return name if len(name) <= NAME_LETTERS else name[: NAME_LETTERS - 1].rstrip(" ,(") + "…"


def figure3(
    examples: list[Example], systems: list[str], titles: dict[str, str], stem: Path
) -> None:
    """Spectrograms of mixture, target and separated signals, one column for each example.

    All panels share one colour scale. Writes stem.pdf and stem.png.

    Args:
        systems: whose estimates to show.
        titles: mixture_id -> title of its column.
    """
    signals = ["mixture", "target", *systems]
    images = [[spectrogram(e.waveforms[s], e.rate) for e in examples] for s in signals]
    limits = colour_limits([image for row in images for image in row])
    width = COLUMN_INCHES if len(examples) == 1 else PAGE_INCHES
    with matplotlib.rc_context(STYLE):
        layout = ConstrainedLayoutEngine(h_pad=0.02, hspace=0)
        figure = Figure(figsize=(width, 0.5 + 0.75 * len(signals)), layout=layout)
        axes = figure.subplots(
            len(signals), len(examples), sharex="col", sharey="col", squeeze=False
        )
        for row, signal in enumerate(signals):
            for column, example in enumerate(examples):
                ax = axes[row, column]
                drawn = _panel(ax, images[row][column], example, signal, limits)
                if row == 0:
                    ax.set_title(titles[example.mixture_id], fontsize=7)
                ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
                ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        figure.supxlabel("time (s)", fontsize=7)
        figure.supylabel("frequency (kHz)", fontsize=7)
        bar = figure.colorbar(drawn, ax=axes, fraction=0.03, aspect=10 * len(signals), pad=0.02)
        bar.set_label("magnitude (dB)")
        bar.outline.set_linewidth(0.5)
        _save(figure, stem)


def _panel(ax: Axes, image: np.ndarray, example: Example, signal: str, limits: tuple) -> AxesImage:
    seconds = len(example.waveforms[signal]) / example.rate
    drawn = ax.imshow(
        image.T,
        origin="lower",
        aspect="auto",
        interpolation="nearest",
        extent=(0, seconds, 0, example.rate / 2000),
        cmap="magma",
        vmin=limits[0],
        vmax=limits[1],
    )
    ax.text(
        0.985,
        0.94,
        label(signal),
        transform=ax.transAxes,
        ha="right",
        va="top",
        color="white",
        bbox={"facecolor": "black", "alpha": 0.6, "pad": 1.5, "linewidth": 0},
    )
    return drawn


def spectrogram_images(example: Example, directory: Path) -> None:
    """directory/<signal>.png for each signal of an example: the bare image, for the page."""
    images = {name: spectrogram(wave, example.rate) for name, wave in example.waveforms.items()}
    low, high = colour_limits(list(images.values()))
    for name, image in images.items():
        with atomic(directory / f"{name}.png") as temporary:
            imsave(temporary, image.T, origin="lower", cmap="magma", vmin=low, vmax=high)


def _save(figure: Figure, stem: Path) -> None:
    with atomic(stem.with_suffix(".pdf")) as temporary:
        figure.savefig(temporary, metadata={"CreationDate": None})
    with atomic(stem.with_suffix(".png")) as temporary:
        figure.savefig(temporary, dpi=300)
