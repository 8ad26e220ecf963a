"""Pictures that other processes draw: what they say and raise arrives here."""

import logging
import os
from pathlib import Path

import pytest

from uss.reporting.drawing import Drawing


def draw(path: Path, said: str) -> None:
    path.write_text(str(os.getpid()))
    logging.getLogger("uss.plotting").warning("%s: %s", path.name, said)


def fail(path: Path) -> None:
    raise ValueError(f"{path.name} has no disk")


def test_other_processes_draw_and_the_log_keeps_the_order(tmp_path, caplog):
    paths = [tmp_path / f"{number}.png" for number in range(5)]
    with Drawing(len(paths)) as drawing:
        for path in paths:
            drawing.start(draw, path, said="a font is missing")
    assert {path.read_text() for path in paths}.isdisjoint({str(os.getpid())})
    assert caplog.messages == [f"{path.name}: a font is missing" for path in paths]


def test_an_error_is_raised_when_all_else_is_drawn(tmp_path):
    with pytest.raises(ValueError, match=r"a\.png has no disk"), Drawing(2) as drawing:
        drawing.start(fail, tmp_path / "a.png")
        drawing.start(draw, tmp_path / "b.png", "drawn")
    assert (tmp_path / "b.png").exists()


def test_nothing_is_drawn_and_nothing_waits(tmp_path):
    with Drawing(0):
        pass
