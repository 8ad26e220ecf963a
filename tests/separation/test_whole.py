"""Recordings whose length their header does not tell: the output is as long as the sound."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.audio_samples import FORMATS, encoded, needs_ffmpeg
from tests.separation.chirp import RATE, sound
from uss.audio import BadAudio, decode
from uss.reporting.spectrogram import HOP_SECONDS
from uss.separation import separation_report as report
from uss.separation.file_separation import Job, separate_file
from uss.separation.queries import example_query

CASES = Path(__file__).parents[1] / "fixtures" / "cases"


@pytest.fixture
def length(model, tmp_path):
    """Separates a file: the samples of the output and of the residual, which must be the same."""

    def separated(path: Path) -> int:
        job = Job(path, tmp_path / "out", [model.class_query("class 0")], residual=True)
        record = separate_file(model, job, show_progress=False)
        frames = {soundfile.info(output).frames for output in job.outputs().values()}
        assert frames == {record["audio"]["num_samples"]}
        return frames.pop()

    return separated


@pytest.mark.parametrize("name", [name for name in ("a.mp3", "a.ogg", "a.flac") if name in FORMATS])
def test_joined_files(length, tmp_path, name):
    content = encoded(name, sound(2)[:, 0], RATE)
    (tmp_path / name).write_bytes(content + content)
    assert length(tmp_path / name) == pytest.approx(4 * RATE, abs=RATE // 1000)


@pytest.mark.slow
def test_variable_bit_rate_without_a_length(length):
    assert length(CASES / "vbr_no_xing_12s.mp3") == pytest.approx(12 * 22050, abs=2205)


def test_flac_of_unknown_length(length, tmp_path):
    content = bytearray(encoded("a.flac", sound(2)[:, 0], RATE))
    content[21] &= 0xF0
    content[22:26] = bytes(4)
    (tmp_path / "a.flac").write_bytes(content)
    assert length(tmp_path / "a.flac") == 2 * RATE
    assert soundfile.info(tmp_path / "out" / "a_class_0.wav").subtype == "PCM_16"


def test_a_truncated_file_leaves_nothing(length, tmp_path):
    (tmp_path / "a.wav").write_bytes(encoded("a.wav", sound(2)[:, 0], RATE)[:20000])
    with pytest.raises(BadAudio, match="truncated"):
        length(tmp_path / "a.wav")
    assert not list((tmp_path / "out").glob("**/*.wav"))


@needs_ffmpeg
def test_separation_queries_and_stage_1_read_the_same(length, model):
    """An m4a that is named .wav."""
    path = CASES / "really_m4a_2s.wav"
    assert length(path) == decode(path)[0].shape[1]
    assert example_query(model, path).values.any()


def test_a_playlist_is_no_example(model, tmp_path, caplog):
    (tmp_path / "q").mkdir()
    (tmp_path / "other.wav").write_bytes(encoded("a.wav", sound(2)[:, 0], RATE))
    (tmp_path / "q" / "list.wav").write_text("ffconcat version 1.0\nfile ../other.wav\n")
    with pytest.raises(ValueError, match="no usable example among 1 files"):
        example_query(model, tmp_path / "q")
    assert "such as a playlist" in caplog.text


def test_an_example_that_the_system_refuses_is_not_left_out(model, tmp_path, monkeypatch):
    for name in ("a.wav", "b.wav"):
        (tmp_path / name).write_bytes(encoded("a.wav", sound(2)[:, 0], RATE))
    opens = os.open

    def refuses(path, *arguments):
        if Path(path).name == "b.wav":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return opens(path, *arguments)

    monkeypatch.setattr(os, "open", refuses)
    with pytest.raises(ValueError, match=r"--query .*b\.wav: Permission denied"):
        example_query(model, tmp_path)


def test_columns_of_a_long_recording(write, monkeypatch):
    """Sampled at even distances: each column is the one of the whole spectrogram there."""
    path = write("a.wav", sound(12.0), subtype="FLOAT")
    whole, seconds, rate = report.columns(path)
    assert (seconds, rate, len(whole)) == (12.0, RATE, round(12 / HOP_SECONDS))
    monkeypatch.setattr(report, "MAX_COLUMNS", 101)
    sampled, seconds, rate = report.columns(path)
    assert (seconds, rate, sampled.shape) == (12.0, RATE, (101, whole.shape[1]))
    waveform = decode(path)[0][0]
    size = round(report.WINDOW_SECONDS * RATE)
    start = int(np.linspace(0, len(waveform) - size, 101)[50])
    expected = report.spectrogram(waveform[start : start + size], RATE)[2]
    np.testing.assert_array_equal(sampled[50], expected)
