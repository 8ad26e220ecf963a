"""Options of `uss separate`: formats, standard output, confidence, threads, jobs, devices."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import soundfile
import torch

from tests.separation.chirp import sound
from uss.separation import batch
from uss.separation.audio_streams import Writer
from uss.separation.file_threads import set_threads
from uss.separation.model import Model

ROOT = Path(__file__).parents[2]


def record(folder) -> dict:
    return json.loads((Path(folder) / "separation.json").read_text(encoding="utf-8"))


def outputs(folder) -> dict[str, bytes]:
    paths = Path(folder).rglob("*.wav")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.parametrize(
    ("subtype", "expected"), [("PCM_16", "PCM_16"), ("PCM_24", "PCM_24"), ("FLOAT", "PCM_24")]
)
def test_flac_adds_up(uss, write, subtype, expected):
    write("a.wav", sound(1, channels=2), subtype=subtype)
    assert uss("a.wav", "--class", "0", "--residual", "--format", "flac") == 0
    names = sorted(os.listdir("separated/a"))
    assert names == ["a_class_0.flac", "a_residual.flac", "separation.json"]
    parts = [soundfile.read(f"separated/a/{name}")[0] for name in names[:2]]
    assert {soundfile.info(f"separated/a/{name}").subtype for name in names[:2]} == {expected}
    error = np.abs(sum(parts) - soundfile.read("a.wav")[0]).max()
    assert error == 0 if subtype == expected else error < 2**-23
    assert uss("a.wav", "--class", "0", "--residual", "--format", "wav") == 0  # not skipped
    assert Path("separated/a/a_class_0.wav").exists()


def test_flac_clips_and_counts(uss, write, monkeypatch, caplog):
    monkeypatch.setattr(
        Model, "separate_windows", lambda self, windows, queries: 3 * windows[:, None]
    )
    write("a.wav", 4 * sound(1), subtype="PCM_16")
    assert uss("a.wav", "--class", "0", "--format", "flac") == 0
    number = record("separated/a")["outputs"]["class 0"]["num_clipped"]
    found = soundfile.read("separated/a/a_class_0.flac", dtype="int16")[0]
    assert number == np.isin(found, (-32768, 32767)).sum() > 0
    assert f"{number} samples are clipped; --format wav holds them" in caplog.text


def test_what_flac_cannot_hold(tmp_path):
    file = SimpleNamespace(samplerate=16000, channels=9, subtype="PCM_16", frames=1)
    with pytest.raises(ValueError, match="up to 8 channels .* has 9 .*: write --format wav"):
        Writer(tmp_path / "a.flac", file, "flac")


def test_confidence_is_measured_where_it_is_asked_for(uss, write):
    write("a.wav", sound(3))
    assert uss("a.wav", "--class", "0", "--class", "1") == 0
    first = record("separated/a")
    assert {output["confidence"] for output in first["outputs"].values()} == {None}
    assert uss("a.wav", "--class", "0", "--class", "1", "--confidence") == 0
    second = record("separated/a")
    for output in second["outputs"].values():
        assert len(output["confidence"]) == len(second["window_starts_seconds"]) == 9
        assert all(0 <= value <= 1 for value in output["confidence"])
    assert max(second["outputs"]["class 0"]["confidence"]) > 0


def test_panns_are_opened_only_when_something_asks(uss, write, monkeypatch):
    def fail(path):
        raise AssertionError("opened")

    monkeypatch.setattr("uss.separation.model.read_panns", fail)
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "0", "--residual") == 0
    with pytest.raises(AssertionError, match="opened"):
        uss("a.wav", "--class", "0", "--confidence")


def test_what_is_missing_is_said_before_the_model_is_loaded(uss, write, monkeypatch, caplog):
    def fail(*given):
        raise AssertionError("loaded")

    monkeypatch.setattr(batch, "Model", fail)
    caplog.set_level("INFO")
    assert uss("missing.wav", "--class", "0") == 1
    assert caplog.messages == [
        "missing.wav: missing",
        "0 separated, 0 skipped as done, 1 failed",
    ]
    write("a.wav", sound(1))
    with pytest.raises(ValueError, match="--query missing: no such file or folder"):
        uss("a.wav", "--query", "missing")


def test_several_jobs_write_what_one_writes(uss, write, caplog):
    caplog.set_level("INFO")
    for seed in range(5):
        write(f"in/{seed}.wav", sound(2, seed=seed))
    Path("in/broken.wav").write_text("this is no audio")
    options = ("in", "--class", "0", "--class", "1", "--residual", "--confidence")
    assert uss(*options, "--output", "one", "--threads", "1") == 1
    assert uss(*options, "--output", "three", "--jobs", "3", "--threads", "1") == 1
    assert caplog.messages[-1] == "5 separated, 0 skipped as done, 1 failed"
    assert len(outputs("one")) == 15 and outputs("one") == outputs("three")
    assert uss(*options, "--output", "three", "--jobs", "3", "--threads", "1") == 1
    assert caplog.messages[-1] == "0 separated, 5 skipped as done, 1 failed"


def test_a_bug_ends_all_jobs_and_leaves_nothing(uss, write, monkeypatch):
    for name in "abc":
        write(f"{name}.wav", sound(20))
    real, calls = Model.separate_windows, []

    def fails_once(*given):
        calls.append(given)
        return real(*given) if len(calls) > 1 else len(None)

    monkeypatch.setattr(Model, "separate_windows", fails_once)
    with pytest.raises(TypeError):
        uss("a.wav", "b.wav", "c.wav", "--class", "0", "--jobs", "2", "--threads", "1")
    assert not [path for path in Path("separated").rglob("*") if path.is_file()]
    assert len(calls) < 40  # of 64 windows a file


def test_threads():
    before = torch.get_num_threads()
    try:
        assert set_threads(1, 3) == 3 == torch.get_num_threads()
        assert set_threads(2, None) == 1 and set_threads(8, None) == 1
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("--jobs", "0", "'0' is no whole number from 1 on"),
        ("--threads", "two", "'two' is no whole number"),
        ("--device", "gpu", "'gpu' is none of cpu, cuda"),
        ("--format", "mp3", "invalid choice: 'mp3'"),
    ],
)
def test_wrong_values(uss, option, value, said, capsys):
    assert uss("a.wav", "--class", "0", option, value) == 2
    assert said in capsys.readouterr().err


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_device_that_is_not_there(uss, write):
    write("a.wav", sound(1))
    with pytest.raises(ValueError, match="--device cuda:1: torch finds 0 GPUs here"):
        uss("a.wav", "--class", "0", "--device", "cuda:1")
    assert uss("a.wav", "--class", "0", "--device", "cpu") == 0


def test_one_sound_on_standard_output(uss, write, monkeypatch, capsys):
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "0") == 0
    stream = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", SimpleNamespace(buffer=stream, fileno=lambda: 0))
    monkeypatch.setattr(os, "isatty", lambda number: False)
    assert uss("a.wav", "--class", "0", "--output", "-") == 0
    assert stream.getvalue() == Path("separated/a/a_class_0.wav").read_bytes()
    assert not Path("-").exists()
    for more in (["--class", "1"], ["--residual"], ["b.wav"], ["--auto"]):
        assert uss(*more, "a.wav", "--class", "0", "--output", "-") == 2
        assert "--output - takes one sound of one file" in capsys.readouterr().err
    monkeypatch.setattr(os, "isatty", lambda number: True)
    with pytest.raises(ValueError, match="--output - writes audio"):
        uss("a.wav", "--class", "0", "--output", "-")


@pytest.mark.slow
def test_the_command_in_a_pipe(experiment, write, tmp_path):
    """Standard output holds the file and nothing else; waiting threads sleep."""
    write("a.wav", sound(1))
    code = "import os; from uss.bin import cli; cli.console(); print(os.environ['OMP_WAIT_POLICY'])"
    arguments = ["separate", "a.wav", "--class", "0", "--output", "-", "--format", "flac"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments, "--model", str(experiment / "resunet")],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, check=True,
    )  # fmt: skip
    audio, said = done.stdout[:-8], done.stdout[-8:]
    assert said == b"passive\n"
    assert soundfile.info(io.BytesIO(audio)).frames == 16000
    assert b"1 separated, 0 skipped as done, 0 failed" in done.stderr
