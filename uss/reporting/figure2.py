"""Figure 2: class-wise SDRi, for a paper's column and for the page."""

import csv
import math
from pathlib import Path
from typing import TYPE_CHECKING

from uss import plotting
from uss.evaluation.comparison import ClassValues, Comparison
from uss.files import atomic
from uss.labels import Classes
from uss.reporting.figures import (
    COLUMN_INCHES,
    LETTER_INCHES,
    NAME_LETTERS,
    PAGE_INCHES,
    draw_figure,
)
from uss.reporting.results_table import label
from uss.schema import Evaluate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMN_CLASSES, PAGE_CLASSES = 36, 72  # that fit side by side with names of 6 points
MAX_NAMED_ROWS = 3  # of PAGE_CLASSES: what fits on a page; with more classes none is named
CURVE_INCHES = 1.45  # height of a row of curves, with legend, without names
COLOURS, MARKERS = ("red", "black"), ("s", "o")  # of the first and the last system


def figure2_classes(
    comparison: Comparison, classes: Classes, config: Evaluate
) -> list[ClassValues]:
    """The classes that evaluate.yaml asks for, those that have mixtures by default.

    Raises:
        ValueError: a class that is not there, or has no mixtures.
    """
    if config.figure2_classes == "all":
        return comparison.classes
    wanted = {classes.ids[classes.index_of_name(name)] for name in config.figure2_classes}
    strange = wanted - {row.class_id for row in comparison.classes}
    if strange:
        raise ValueError(
            f"evaluate.yaml: figure2_classes: no mixtures of {', '.join(sorted(strange))}"
        )
    return [row for row in comparison.classes if row.class_id in wanted]


def figure2(comparison: Comparison, classes: list[ClassValues], stem: Path) -> None:
    """Class-wise SDRi with the average embedding, in descending order of the last system.

    Writes stem.csv, with the SI-SDR beside it, and the pictures stem.pdf and stem.png.
    """
    systems, order = comparison.figure2_systems, comparison.leading_system
    looks = list(zip(COLOURS, MARKERS, strict=True))[-len(systems) :]  # one alone is black
    curves = [(system, *look) for system, look in zip(systems, looks, strict=True)]
    shown = sorted(classes, key=lambda row: -row.sdri["average"][order])
    with atomic(stem.with_suffix(".csv")) as temporary, open(temporary, "w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        columns = [name for system in systems for name in (system, f"{system}_si_sdr")]
        writer.writerow(["class_id", "name", "num_recordings", "num_mixtures", *columns])
        for row in shown:
            numbers = [
                f"{values['average'][system]:.4f}"
                for system in systems
                for values in (row.sdri, row.si_sdr)
            ]
            counts = [row.num_recordings, row.num_mixtures]
            writer.writerow([row.class_id, row.name, *counts, *numbers])
    draw_figure(stem, lambda: class_curves(shown, curves))


def class_curves(shown: list[ClassValues], curves: list[tuple[str, str, str]]) -> "Figure":
    """Figure 2 at a column's width, or at a page's where the classes need that.

    Args:
        shown: in their order.
        curves: (system, colour, marker).
    """
    if len(shown) > MAX_NAMED_ROWS * PAGE_CLASSES:
        return _ranked_curves(shown, curves)
    return _named_curves(shown, curves)


def _ranked_curves(shown: list[ClassValues], curves: list[tuple[str, str, str]]) -> "Figure":
    """Hundreds of classes in one column: their ranks in place of their names, which the CSV has.

    The last curve is the one that orders them, a line; the other one is a cloud of dots.
    """
    from matplotlib.figure import Figure

    figure = Figure((COLUMN_INCHES, 2.0), layout="constrained")
    ax = figure.subplots()
    for number, (system, colour, _) in enumerate(curves, 1):
        values = [row.sdri["average"][system] for row in shown]
        style = "-" if number == len(curves) else "."
        ranks = range(1, len(shown) + 1)
        ax.plot(
            ranks, values, style, color=colour, markersize=1.5, linewidth=1, label=_entry(system)
        )
    _finish(ax)
    ax.set_xlim(1, len(shown))
    ax.set_xlabel(f"rank of {len(shown)} classes")
    ax.legend(frameon=False, markerscale=3)
    return figure


def _entry(system: str) -> str:
    """Of a legend. matplotlib leaves out what begins with "_"."""
    name = plotting.as_title(label(system), NAME_LETTERS)
    return f" {name}" if name.startswith("_") else name


def _finish(ax: "Axes") -> None:
    from matplotlib.ticker import MaxNLocator

    low, high = ax.get_ylim()
    if low < 0 < high:
        ax.axhline(0, color="grey", linewidth=0.6, zorder=0)
    ax.grid(axis="y", color="0.9", linewidth=0.4)
    ax.set_axisbelow(True)
    ax.yaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 5, 10]))
    ax.set_ylabel("SDRi (dB)")


def _named_curves(shown: list[ClassValues], curves: list[tuple[str, str, str]]) -> "Figure":
    from matplotlib.figure import Figure

    narrow = len(shown) <= COLUMN_CLASSES
    num_rows = math.ceil(len(shown) / (COLUMN_CLASSES if narrow else PAGE_CLASSES))
    per_row = math.ceil(len(shown) / num_rows)
    parts = [shown[start : start + per_row] for start in range(0, len(shown), per_row)]
    names = [[plotting.as_title(row.name, NAME_LETTERS) for row in part] for part in parts]
    # The curves keep their height however long the names below them are.
    height = sum(
        CURVE_INCHES + max(map(plotting.num_letters, of_part)) * LETTER_INCHES for of_part in names
    )
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
                label=_entry(system),
            )
        ax.set_xlim(-0.6, per_row - 0.4)
        ax.set_xticks(range(len(part)), of_part, rotation=90, fontsize=6)
    for ax in axes:  # when their common limits are known
        _finish(ax)
    handles = axes[0].get_lines()[: len(curves)]
    figure.legend(handles=handles, loc="outside upper right", ncols=len(curves), frameon=False)
    return figure
