"""The pictures and the page that `uss separate` writes."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.pictures import hostile_settings
from tests.separation.chirp import sound
from uss.separation import batch

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_pictures_and_page(uss, write):
    write("a.wav", sound(1))
    write("long.wav", sound(17))
    assert uss("a.wav", "long.wav", "--class", "0", "--spectrogram", "--report") == 0
    for name in ("a/a.png", "a/a_class_0.png", "long/long.png"):
        assert (Path("separated") / name).stat().st_size > 1000
    page = Path("separated/index.html").read_text(encoding="utf-8")
    assert 'src="a/a_class_0.wav"' in page and 'src="long/long_class_0.png"' in page


@pytest.mark.slow
@pytest.mark.parametrize("name", [
    "take $1_$2.wav", "a$b_^{c}.wav", "狗吠.wav", "two\nlines.wav", "long " * 40 + ".wav",
])  # fmt: skip
def test_a_picture_of_a_file_of_any_name(uss, write, caplog, name):
    write("a.wav", sound(1)).rename(name)
    assert uss(name, "--class", "0", "--spectrogram") == 0
    folder = Path("separated") / Path(name).stem
    assert len(list(folder.glob("*.png"))) == 2
    assert not [r for r in caplog.records if r.levelname == "WARNING"]


@pytest.mark.slow
def test_a_picture_decides_about_nothing(uss, write, caplog):
    write("a.wav", sound(1))
    picture = Path("separated/a/a.png")
    picture.mkdir(parents=True)
    assert uss("a.wav", "--class", "0", "--spectrogram", "--report") == 0
    assert "a.png, a_class_0.png could not be drawn, and nothing else depends on" in caplog.text
    assert sorted(os.listdir("separated/a")) == ["a.png", "a_class_0.wav", "separation.json"]
    assert Path("separated/index.html").read_text().count("could not be drawn") == 2
    picture.rmdir()
    assert uss("a.wav", "--class", "0", "--spectrogram", "--report") == 0  # skips the separation
    assert picture.is_file()
    assert "could not be drawn" not in Path("separated/index.html").read_text()


@pytest.mark.slow
def test_a_picture_of_other_outputs_is_drawn_again(uss, write):
    write("a.wav", sound(1))
    uss("a.wav", "--class", "0", "--spectrogram")
    picture = Path("separated/a/a_class_0.png")
    before = picture.read_bytes()
    uss("a.wav", "--class", "0", "--spectrogram", system="at_soft")
    assert picture.read_bytes() != before


@pytest.mark.slow
def test_the_users_settings_of_matplotlib_do_not_matter(experiment, write, tmp_path):
    write("a.wav", sound(1))
    model = str(experiment / "resunet")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "uss", "separate", "a.wav", "--class", "0", "--spectrogram",
         "--model", model],
        cwd=tmp_path, env={**hostile_settings(tmp_path), "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0 and "WARNING" not in done.stderr
    assert len(list((tmp_path / "separated/a").glob("*.png"))) == 2


@pytest.mark.slow
@pytest.mark.parametrize("lost", ["a/a.png", "a/a_class_0.png", "index.html"])
@pytest.mark.parametrize("size", [None, 0])
def test_pictures_and_page_that_were_lost_are_made_again(uss, write, lost, size):
    write("a.wav", sound(1))
    arguments = ("a.wav", "--class", "0", "--spectrogram", "--report")
    assert uss(*arguments) == 0
    path = Path("separated") / lost
    whole = path.read_bytes()
    path.unlink()
    if size is not None:
        path.write_bytes(b"")
    assert uss(*arguments) == 0
    assert path.read_bytes() == whole


@pytest.mark.slow
def test_pictures_follow_their_sounds(uss, write):
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "0", "--spectrogram") == 0
    before = Path("separated/a/a.png").read_bytes()
    write("a.wav", sound(2))
    assert uss("a.wav", "--class", "0", "--spectrogram") == 0
    assert Path("separated/a/a.png").read_bytes() != before


def test_a_picture_that_fails_changes_no_count(uss, write, caplog, monkeypatch):
    caplog.set_level("INFO")
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "0") == 0

    def fail(*given):
        raise TypeError("no such font")

    monkeypatch.setattr(batch, "draw", fail)
    assert uss("a.wav", "--class", "0", "--spectrogram") == 0
    assert "a.wav: no spectrograms: TypeError: no such font" in caplog.messages
    assert caplog.messages[-1] == "0 separated, 1 skipped as done, 0 failed"
