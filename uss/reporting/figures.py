"""What the figures of a paper have in common: sizes, style, formats."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uss import plotting

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLUMN_INCHES, PAGE_INCHES = 3.5, 7.16  # IEEE: one column, two columns
NAME_LETTERS, LETTER_INCHES = 27, 0.047  # of a name: at most; height of one
STYLE: dict[str, Any] = {
    "font.size": 7,
    "axes.linewidth": 0.5,
    "xtick.major.width": 0.5,
    "ytick.major.width": 0.5,
    "xtick.major.size": 2,
    "ytick.major.size": 2,
    "pdf.fonttype": 42,  # TrueType: text stays text, as publishers ask
}


def draw_figure(stem: Path, make: Callable[[], "Figure"]) -> None:
    """The figure as stem.pdf and stem.png."""
    pdf, png = stem.with_suffix(".pdf"), stem.with_suffix(".png")

    def write() -> None:
        figure = make()
        plotting.save(figure, pdf, metadata={"CreationDate": None})
        plotting.save(figure, png, dpi=300)

    plotting.draw([pdf, png], write, STYLE)
