"""The one way to draw: with matplotlib's settings of our own, and at no risk for anything else.

A picture shows results and decides about none. What the user's matplotlibrc, style sheets or
MPLBACKEND say does not reach it; what fails all the same is one warning. No module imports
matplotlib, or pyplot, before `draw` does.
"""

import contextlib
import logging
import os
import sys
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uss.files import atomic

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAX_REASON_LETTERS = 300  # of a warning: LaTeX and others send whole logs
# matplotlib reads these when it is imported, and fails at a backend or a file that it cannot use.
ENVIRONMENT = {"MPLBACKEND": "agg", "MATPLOTLIBRC": os.devnull}

logger = logging.getLogger(__name__)


def draw(
    paths: Sequence[Path], function: Callable[[], None], style: Mapping[str, Any] | None = None
) -> None:
    """Call `function`, which imports what it needs of matplotlib and writes all of `paths`.

    A failure, of whatever kind, is one warning, and then none of the pictures is there: those of
    an earlier run would show other results.

    Args:
        style: rcParams that differ from matplotlib's own defaults. Text is never mathematics
            ("$" in a name is a dollar) unless they say `"text.parse_math": True`.
    """
    try:
        with _own_settings(style or {}):
            function()
    except Exception as error:
        reason = " ".join(f"{type(error).__name__}: {error}".split())[:MAX_REASON_LETTERS]
        names = ", ".join(path.name for path in paths)
        logger.warning(
            "%s: %s could not be drawn, and nothing else depends on it (%s)",
            paths[0].parent,
            names,
            reason,
        )
        for path in paths:
            with contextlib.suppress(OSError):
                path.unlink(missing_ok=True)


def save(figure: "Figure", path: Path, **options: Any) -> None:
    """Write a figure, atomically, in the format that the suffix says."""
    with atomic(path) as temporary:
        figure.savefig(temporary, **options)


def as_title(name: str, max_letters: int) -> str:
    """A name of any file or class in one line of letters that can be drawn, shortened to fit."""
    letters = [c if c.isprintable() else " " if c.isspace() else "\ufffd" for c in name]
    if num_letters(name) <= max_letters:
        return "".join(letters)
    kept = letters[: max_letters - 1]
    while num_letters("".join(kept)) >= max_letters:
        kept.pop()
    return "".join(kept).rstrip(" ,(") + "…"


def num_letters(name: str) -> int:
    """How many of usual width are as wide as the name: Chinese characters count twice."""
    return len(name) + sum(unicodedata.east_asian_width(c) in "WF" for c in name)


@contextlib.contextmanager
def _own_settings(style: Mapping[str, Any]) -> Iterator[None]:
    """matplotlib's defaults and `style`; silence about fonts, glyphs and the folder of its cache.

    matplotlib.rcdefaults would import the user's style sheets, and fail with them.
    """
    loggers = [logging.getLogger("matplotlib"), logging.getLogger("fontTools")]
    levels = [of_library.level for of_library in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            for of_library in loggers:
                of_library.setLevel(logging.ERROR)
            matplotlib = _import_matplotlib()
            own: Any = {**matplotlib.rcParamsDefault, "text.parse_math": False, **style}
            with matplotlib.rc_context(own):
                yield
        finally:
            for of_library, level in zip(loggers, levels, strict=True):
                of_library.setLevel(level)


def _import_matplotlib() -> Any:
    if "matplotlib" not in sys.modules:
        before = {name: os.environ.get(name) for name in ENVIRONMENT}
        # The file that comes first, whatever the environment says, is the working directory's.
        elsewhere = contextlib.chdir(Path(__file__).parent)
        with elsewhere if Path("matplotlibrc").exists() else contextlib.nullcontext():
            os.environ.update(ENVIRONMENT)
            try:
                import matplotlib
            finally:
                for name, value in before.items():
                    os.environ.pop(name)
                    if value is not None:
                        os.environ[name] = value
    import matplotlib

    return matplotlib
