"""A picture, and users' settings under which matplotlib draws otherwise or is not importable.

Imports nothing of matplotlib, for child processes that must not.
"""

import os
from pathlib import Path

from uss import plotting

LATEX = "text.usetex: True\nfont.family: serif\nsavefig.format: svg\nsavefig.bbox: tight\n"


def hostile_settings(folder: Path) -> dict[str, str]:
    """An environment for a child process: LaTeX, a backend that does not exist, and no cache."""
    rc = folder / "rc" / "matplotlibrc"
    rc.parent.mkdir(parents=True)
    rc.write_text(LATEX)
    return {**os.environ, "MATPLOTLIBRC": str(rc), "MPLBACKEND": "nonsense"}


def picture_of(title: str, path: Path) -> None:
    def write() -> None:
        from matplotlib.figure import Figure

        figure = Figure(figsize=(4, 2), layout="constrained")
        ax = figure.subplots()
        ax.plot([1, 10, 100], [1, 2, 3])
        ax.set_title(plotting.as_title(title, 60))
        plotting.save(figure, path, dpi=80)

    plotting.draw([path], write)
