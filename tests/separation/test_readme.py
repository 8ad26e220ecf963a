"""The examples of the README's section on separation, run as they stand there."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile

from tests.separation.chirp import RATE, sound

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


def examples(language: str) -> str:
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("## Separate your own")[1]
    return re.search(rf"```{language}\n(.*?)```", section.split("\n## ")[0], re.S)[1]


@pytest.fixture
def folder(experiment, tmp_path) -> Path:
    """street.wav, recordings/, examples/, MODEL, and the command `uss`."""
    soundfile.write(tmp_path / "street.wav", sound(1), RATE)
    for name in ("recordings", "examples"):
        (tmp_path / name).mkdir()
        shutil.copy(tmp_path / "street.wav", tmp_path / name / "one.wav")
    shutil.copytree(experiment / "at_soft", tmp_path / "MODEL")
    with h5py.File(tmp_path / "MODEL" / "average_embeddings.h5", "a") as file:
        del file["class_name"]
        file["class_name"] = np.array([b"Speech", b"Dial tone", b"Bell"])
    command = tmp_path / "uss"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m uss "$@"\n')
    command.chmod(0o755)
    return tmp_path


def run(command: list[str], folder: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment["PATH"] = f"{folder}{os.pathsep}{environment['PATH']}"
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_commands(folder):
    run(["bash", "-euc", examples("bash")], folder)
    for path in (
        "separated/street/street_dial_tone.wav",
        "separated/street/street_residual.wav",
        "by_example/one/one_examples.wav",
        "heard/street/separation.json",
        "heard/index.html",
    ):
        assert (folder / path).stat().st_size > 0, path


def test_the_python(folder):
    run([sys.executable, "-c", examples("python")], folder)


def test_python_and_the_command_give_the_same(folder):
    soundfile.write(folder / "street.wav", sound(3, 44100, 2), 44100, subtype="FLOAT")
    run(["uss", "separate", "street.wav", "--model", "MODEL", "--class", "Dial tone"], folder)
    script = examples("python") + "import numpy; numpy.save('dial_tone.npy', dial_tone)\n"
    run([sys.executable, "-c", script], folder)
    written, _ = soundfile.read(folder / "separated/street/street_dial_tone.wav", dtype="float32")
    assert np.array_equal(np.load(folder / "dial_tone.npy"), written.T)
