"""Figure 3: spectrograms of examples; and the bare images of the page."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from uss import plotting
from uss.files import atomic
from uss.reporting.chosen_examples import Example
from uss.reporting.figures import (
    COLUMN_INCHES,
    LETTER_INCHES,
    NAME_LETTERS,
    PAGE_INCHES,
    draw_figure,
)
from uss.reporting.results_table import label
from uss.reporting.spectrogram import colour_limits, spectrogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage


def figure3(
    examples: list[Example], systems: list[str], titles: dict[str, str], stem: Path
) -> None:
    """Spectrograms of mixture, target and separated signals, one column for each example.

    All panels share one colour scale. Writes stem.pdf and stem.png.

    Args:
        systems: whose estimates to show.
        titles: mixture_id -> title of its column.
    """
    draw_figure(stem, lambda: spectrograms(examples, systems, titles))


def spectrograms(examples: list[Example], systems: list[str], titles: dict[str, str]) -> "Figure":
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine
    from matplotlib.ticker import MaxNLocator

    signals = ["mixture", "target", *systems]
    images = [[spectrogram(e.waveforms[s], e.rate) for e in examples] for s in signals]
    limits = colour_limits([image for row in images for image in row])
    width = COLUMN_INCHES if len(examples) == 1 else PAGE_INCHES
    layout = ConstrainedLayoutEngine(h_pad=0.02, hspace=0)
    figure = Figure(figsize=(width, 0.5 + 0.75 * len(signals)), layout=layout)
    axes = figure.subplots(len(signals), len(examples), sharex="col", sharey="col", squeeze=False)
    for row, signal in enumerate(signals):
        for column, example in enumerate(examples):
            ax = axes[row, column]
            drawn = _panel(ax, images[row][column], example, signal, limits)
            if row == 0:
                letters = round(width / len(examples) / LETTER_INCHES)
                title = plotting.as_title(titles[example.mixture_id], letters)
                ax.set_title(title, fontsize=7)
            ax.xaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
            ax.yaxis.set_major_locator(MaxNLocator(4, integer=True))
    figure.supxlabel("time (s)", fontsize=7)
    figure.supylabel("frequency (kHz)", fontsize=7)
    bar = figure.colorbar(drawn, ax=axes, fraction=0.03, aspect=10 * len(signals), pad=0.02)
    bar.set_label("magnitude (dB)")
    bar.outline.set_linewidth(0.5)
    return figure


def _panel(
    ax: "Axes", image: np.ndarray, example: Example, signal: str, limits: tuple
) -> "AxesImage":
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
        plotting.as_title(label(signal), NAME_LETTERS),
        transform=ax.transAxes,
        ha="right",
        va="top",
        color="white",
        bbox={"facecolor": "black", "alpha": 0.6, "pad": 1.5, "linewidth": 0},
    )
    return drawn


def spectrogram_images(example: Example, directory: Path) -> None:
    """directory/<signal>.png for each signal of an example: the bare image, for the page."""
    paths = {signal: directory / f"{signal}.png" for signal in example.waveforms}

    def write() -> None:
        from matplotlib.image import imsave

        images = {name: spectrogram(wave, example.rate) for name, wave in example.waveforms.items()}
        low, high = colour_limits(list(images.values()))
        for name, image in images.items():
            with atomic(paths[name]) as temporary:
                imsave(temporary, image.T, origin="lower", cmap="magma", vmin=low, vmax=high)

    plotting.draw(list(paths.values()), write)
