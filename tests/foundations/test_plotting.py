"""Pictures are the same whatever the user's settings, and decide about nothing."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from tests.helpers.pictures import LATEX, hostile_settings, picture_of
from uss import plotting

ROOT = Path(__file__).parents[2]
STAGES_1_TO_4 = (
    "uss.data.dataset, uss.data.pairing, uss.data.waveforms, uss.data.feature_set, "
    "uss.data.averages, uss.bin.resample, uss.bin.anchors, uss.bin.mixtures, uss.bin.features, "
    "uss.bin.probe, uss.bin.train_detector, uss.bin.train_amae, uss.training.trainer, "
    "uss.training.separation_task"
)
NAMES = [
    "take $1_$2", "a$b", "_hidden", "back\\slash \\frac{1}{2", "^{x}_", "狗吠 犬の声 🐕", "العربية",
    "tab\tline\nbell\x07", "caf\udce9", "long " * 60, "", " ",
]  # fmt: skip


def with_rc(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def settings(kind: str, folder: Path) -> dict[str, str]:
    """The child's environment; its working directory is `folder`."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    match kind:
        case "LaTeX and a backend that does not exist":
            return environment | hostile_settings(folder)
        case "a notebook's backend":
            return environment | {"MPLBACKEND": "module://matplotlib_inline.nowhere"}
        case "a windowed backend":
            return environment | {"MPLBACKEND": "TkAgg"}
        case "a broken matplotlibrc here":
            with_rc(folder, "matplotlibrc", b"font.size: \xff\xfe\nno colon\nno.key: 1\n")
        case "a broken MATPLOTLIBRC":
            rc = with_rc(folder, "rc", b"\xff\xfe\x00")
            return environment | {"MATPLOTLIBRC": str(rc)}
        case "style sheets at home":
            config = Path(".config/matplotlib")
            with_rc(folder, str(config / "matplotlibrc"), (LATEX + "lines.color: 7\n").encode())
            with_rc(folder, str(config / "stylelib" / "own.mplstyle"), b"\xff\xfe")
            environment.pop("XDG_CONFIG_HOME", None)
            environment.pop("MPLCONFIGDIR", None)
            return environment | {"HOME": str(folder)}
        case "nowhere to write":
            return environment | {"HOME": "/dev/null", "MPLCONFIGDIR": "/dev/null/matplotlib"}
    return environment


@pytest.mark.slow
@pytest.mark.parametrize("kind", [
    "LaTeX and a backend that does not exist", "a notebook's backend", "a windowed backend",
    "a broken matplotlibrc here", "a broken MATPLOTLIBRC", "style sheets at home",
    "nowhere to write",
])  # fmt: skip
def test_the_users_settings_change_nothing(tmp_path, kind):
    code = (
        "import logging, sys; logging.basicConfig(); logging.captureWarnings(True); "
        "from pathlib import Path; from tests.helpers.pictures import picture_of; "
        "assert 'matplotlib' not in sys.modules; picture_of('a $1_$2 b', Path('child.png'))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env=settings(kind, tmp_path),
        capture_output=True,
        text=True,
    )
    assert (child.returncode, child.stderr) == (0, "")
    picture_of("a $1_$2 b", tmp_path / "here.png")
    ours, theirs = (matplotlib.image.imread(tmp_path / f"{n}.png") for n in ("here", "child"))
    np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", NAMES)
def test_a_title_is_text(tmp_path, name, caplog, recwarn):
    picture_of(name, tmp_path / "a.png")
    assert matplotlib.image.imread(tmp_path / "a.png").shape[:2] == (160, 320)
    assert not caplog.records and not recwarn.list


def test_titles_are_shortened_to_what_fits():
    assert plotting.as_title("Bird vocalization, bird call, bird song", 27) == (
        "Bird vocalization, bird ca…"
    )
    assert plotting.as_title("a, bcdefgh", 4) == "a…"
    assert plotting.as_title("狗" * 20, 11) == "狗狗狗狗狗…"
    assert plotting.as_title("狗吠声", 6) == "狗吠声"
    assert plotting.as_title("a\tb\nc\x07\udce9", 9) == "a b c\ufffd\ufffd"


@pytest.mark.parametrize("error", [
    RuntimeError("latex was not able to process\nthe following string"), MemoryError(),
    FileNotFoundError("no font"),
])  # fmt: skip
def test_a_failure_is_one_warning_and_no_picture(tmp_path, caplog, error):
    png, pdf = tmp_path / "a.png", tmp_path / "a.pdf"
    pdf.write_bytes(b"of other results")

    def write() -> None:
        png.write_bytes(b"half a picture")
        raise error

    plotting.draw([png, pdf], write)
    (record,) = caplog.records
    assert record.levelno == logging.WARNING and "\n" not in record.getMessage()
    assert f"{tmp_path}: a.png, a.pdf could not be drawn" in record.getMessage()
    assert type(error).__name__ in record.getMessage()
    assert os.listdir(tmp_path) == []


def test_matplotlib_itself_may_be_broken(tmp_path):
    with_rc(tmp_path, "matplotlib/__init__.py", b"raise ImportError('libfreetype.so.6')")
    code = (
        "import logging; logging.basicConfig(); from pathlib import Path; "
        "from tests.helpers.pictures import picture_of; picture_of('a', Path('child.png'))"
    )
    child = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert child.returncode == 0
    assert child.stderr.splitlines() == [
        "WARNING:uss.plotting:.: child.png could not be drawn, and nothing else depends on it "
        "(ImportError: libfreetype.so.6)"
    ]


def test_settings_are_those_of_before_after_a_picture(tmp_path):
    with matplotlib.rc_context({"font.size": 31}):
        picture_of("a", tmp_path / "a.png")
        assert matplotlib.rcParams["font.size"] == 31


@pytest.mark.slow
def test_no_stage_before_the_trainings_end_imports_matplotlib():
    code = f"import sys, {STAGES_1_TO_4}; assert 'matplotlib' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": str(ROOT)})
