"""The command `uss`: what it writes, what it skips, what it says, and its exit status."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.flipped_weight import flip_a_weight
from tests.separation.chirp import RATE, sound
from uss.bin import average_embeddings, cli


def record(folder) -> dict:
    return json.loads((Path(folder) / "separation.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", ["class 0", "CLASS 0", "/m/0", "0"])
def test_a_class_by_name_mid_or_index(uss, write, name):
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", name) == 0
    assert sorted(os.listdir("separated/a")) == ["a_class_0.wav", "separation.json"]


def test_a_misspelt_class_names_the_nearest(uss, write):
    write("a.wav", sound(1))
    with pytest.raises(ValueError, match="no class is named 'clas 1'; the nearest are: class 1"):
        uss("a.wav", "--class", "clas 1")
    with pytest.raises(ValueError, match="indices go from 0 to 2"):
        uss("a.wav", "--class", "7")
    with pytest.raises(ValueError, match="'class 2' has no average embedding.*--query"):
        uss("a.wav", "--class", "class 2")


def test_a_folder_tree_is_mirrored_and_resumed(uss, write, caplog):
    caplog.set_level("INFO")
    write("in/a.wav", sound(1))
    write("in/deep/b.wav", sound(1))
    write("in/deep/b.flac", sound(1))
    (Path("in") / "notes.txt").write_text("no audio")
    assert uss("in", "--class", "0", "--output", "out") == 0
    found = {str(path.relative_to("out")) for path in Path("out").rglob("*_0.wav")}
    assert found == {"a/a_class_0.wav", "deep/b.wav/b_class_0.wav", "deep/b.flac/b_class_0.wav"}
    before = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")}
    assert uss("in", "--class", "0", "--output", "out") == 0
    assert before == {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")}
    assert caplog.messages[-1] == "0 separated, 3 skipped as done, 0 failed"
    write("in/a.wav", sound(1.5))
    Path("out/deep/b.wav/b_class_0.wav").unlink()
    assert uss("in", "--class", "0", "--output", "out") == 0
    assert caplog.messages[-1] == "2 separated, 1 skipped as done, 0 failed"
    assert uss("in", "--class", "1", "--output", "out") == 0
    assert caplog.messages[-1] == "3 separated, 0 skipped as done, 0 failed"


def test_two_inputs_for_one_folder_are_refused(uss, write):
    write("x/a.wav", sound(1))
    write("y/a.wav", sound(1))
    with pytest.raises(ValueError, match="y/a.wav and another input would both be written"):
        uss("x/a.wav", "y/a.wav", "--class", "0")


def test_queries_by_example_are_averaged_and_kept(uss, write, caplog, model):
    write("a.wav", sound(1))
    write("bells/one.wav", sound(1, seed=1))
    write("bells/two.wav", sound(0.3, 44100, seed=2), 44100)
    write("bells/silent.wav", np.zeros(RATE))
    write("bells/short.wav", sound(0.05))
    Path("bells/broken.wav").write_bytes(b"RIFF")
    assert uss("a.wav", "--query", "bells", "--save-query", "kept.h5", "--output", "1") == 0
    reasons = [message for message in caplog.messages if "is left out" in message]
    assert [reason.split(" is left")[0] for reason in reasons] == [
        "query bells/broken.wav",
        "query bells/short.wav",
        "query bells/silent.wav",
    ]
    assert "shorter than 0.1 s" in reasons[1] and "silent" in reasons[2]
    query = record("1/a")["outputs"]["bells"]["query"]
    assert query == {"kind": "examples", "files": ["bells/one.wav", "bells/two.wav"]}
    assert uss("a.wav", "--query", "kept.h5", "--output", "2") == 0
    assert Path("1/a/a_bells.wav").read_bytes() == Path("2/a/a_bells.wav").read_bytes()
    with pytest.raises(ValueError, match="made with another query encoder"):
        uss("a.wav", "--query", "kept.h5", system="at_soft")
    Path("other.h5").write_text("nothing")
    with pytest.raises(
        ValueError,
        match="other.h5: broken, or no HDF5 file; give --query",
    ):
        uss("a.wav", "--query", "other.h5")


def test_a_query_of_silence(uss, write):
    write("a.wav", sound(1))
    write("silence.wav", np.zeros(RATE))
    with pytest.raises(ValueError, match="no usable example among 1 files"):
        uss("a.wav", "--query", "silence.wav")
    with pytest.raises(ValueError, match="no such file or folder"):
        uss("a.wav", "--query", "missing")


def test_auto_separates_what_the_detector_hears(uss, write, caplog):
    caplog.set_level("INFO")
    time = np.arange(12 * RATE) / RATE
    tone = 0.2 * np.sin(2 * np.pi * 500 * time) * (time > 6)  # class 0: 400 to 600 Hz
    write("a.wav", tone + 0.003 * np.random.default_rng(0).standard_normal(len(time)))
    assert uss("a.wav", "--auto", "--threshold", "0.3", "--residual") == 0
    found = record("separated/a")
    assert any(
        stretch["name"] == "class 0" and stretch["end_seconds"] == 12 for stretch in found["heard"]
    )
    assert found["outputs"]["class 0"]["query"]["kind"] == "auto"
    assert any("s: class 0 (" in message for message in caplog.messages)
    assert uss("a.wav", "--auto", "--threshold", "0.9999999", "--output", "none") == 0
    assert record("none/a")["outputs"] == {}


def test_steering_away_is_measured(uss, write, caplog, at_soft):
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "0", "--not", "1", system="at_soft") == 0
    assert "--not is experimental" in caplog.text
    measured = record("separated/a")["outputs"]["class 0"]["query"]["not"]
    assert measured.keys() == {"cosine_before", "norm_kept"}
    with pytest.raises(ValueError, match="hardly anything is left"):
        uss("a.wav", "--class", "0", "--not", "0", system="at_soft")


def bad_inputs(write) -> dict[str, str]:
    """Input -> what is said of it."""
    write("silent_start.wav", sound(1))
    Path("text.wav").write_text("this is no audio")
    Path("empty.wav").write_bytes(b"")
    Path("noise.raw").write_bytes(bytes(1000))
    Path("drm.m4p").write_bytes(b"\0\0\0\x20ftypM4P " + bytes(500))
    write("none.wav", np.zeros(0))
    broken = sound(1)
    broken[8000] = np.nan
    write("nan.wav", broken, subtype="FLOAT")
    return {
        "missing.wav": "missing",
        "text.wav": "not audio",
        "empty.wav": "empty file",
        "noise.raw": "not audio",
        "drm.m4p": "not audio",
        "none.wav": "holds no samples",
        "nan.wav": "a sample is not finite (NaN or infinite) at 0.500 s",
    }


@pytest.mark.parametrize("with_ffmpeg", [True, False])
def test_bad_inputs_are_named_and_the_others_go_on(uss, write, caplog, with_ffmpeg, monkeypatch):
    if not with_ffmpeg:
        monkeypatch.setattr("shutil.which", lambda name: None)
    said = bad_inputs(write)
    if not with_ffmpeg:
        said["drm.m4p"] = "needs ffmpeg, which is not installed"
    write("good.wav", sound(1))
    assert uss(*said, "good.wav", "--class", "0") == 1
    assert Path("separated/good/good_class_0.wav").exists()
    errors = [entry.getMessage() for entry in caplog.records if entry.levelname == "ERROR"]
    assert len(errors) == len(said)
    for error, (name, reason) in zip(errors, said.items(), strict=True):
        assert error.startswith(f"{name}: {reason}")
    assert not [p for p in Path("separated").rglob("*") if p.is_file() and "good" not in str(p)]


@pytest.mark.parametrize(
    ("num_samples", "rate", "channels"),
    [(1, 16000, 1), (1, 192000, 2), (5, 8000, 1), (4000, 8000, 16), (96000, 192000, 1)],
)
def test_odd_but_good_inputs(uss, write, num_samples, rate, channels):
    write("a.wav", np.full((num_samples, channels), 0.1), rate)
    assert uss("a.wav", "--class", "0", "--residual") == 0
    for output in Path("separated/a").glob("*.wav"):
        info = soundfile.info(output)
        assert (info.frames, info.samplerate, info.channels) == (num_samples, rate, channels)


def test_twelve_hours_have_a_header_that_holds_them(write):
    """By construction: memory is bounded (test_files), and RF64 counts beyond 4 GiB."""
    from types import SimpleNamespace

    from uss.separation.audio_streams import Writer

    path = write("a.wav", np.zeros(10))
    twelve_hours = SimpleNamespace(
        samplerate=48000, channels=1, subtype="PCM_16", frames=12 * 3600 * 48000
    )
    writer = Writer(path, twelve_hours)
    writer.close()
    assert writer.format == "RF64" and soundfile.info(path).format in ("RF64", "WAV")


@pytest.mark.skipif(
    subprocess.run(["sh", "-c", "command -v ffmpeg"], capture_output=True).returncode != 0,
    reason="ffmpeg is not installed",
)
def test_a_video_is_separated_where_ffmpeg_is_installed(uss, write):
    write("a.wav", sound(1))
    command = "ffmpeg -v error -f lavfi -i color=size=16x16:duration=1 -i a.wav -c:v mpeg4 v.mkv"
    subprocess.run(command.split(), check=True)
    assert uss("v.mkv", "--class", "0") == 0
    assert soundfile.info("separated/v/v_class_0.wav").subtype == "FLOAT"
    silent = "ffmpeg -v error -f lavfi -i color=size=16x16:duration=1 -c:v mpeg4 silent.mkv"
    subprocess.run(silent.split(), check=True)
    assert uss("silent.mkv", "--class", "0") == 1


def test_an_unwritable_output(uss, write, caplog):
    write("a.wav", sound(1))
    Path("file").write_text("in the way")
    with pytest.raises(ValueError, match="--output file/out: Not a directory"):
        uss("a.wav", "--class", "0", "--output", "file/out")
    Path("separated").mkdir()
    Path("separated/a").write_text("in the way")
    assert uss("a.wav", "--class", "0") == 1
    assert "a.wav: [Errno 17] File exists" in caplog.text


def test_a_model_directory_without_what_stage_6_adds(experiment, tmp_path, write, capsys):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("config.yaml", "checkpoints"):
        (bare / name).symlink_to(experiment / "resunet" / name)
    arguments = ["separate", str(write("a.wav", sound(1))), "--output", str(tmp_path / "out")]
    arguments += ["--model", str(bare)]
    with pytest.raises(ValueError, match=r"average_embeddings\.h5 is missing.*--stage 6"):
        cli.main([*arguments, "--class", "0"])
    cli.main(["info", str(bare)])
    assert "stage 6 writes it" in capsys.readouterr().out
    (bare / "average_embeddings.h5").symlink_to(experiment / "resunet" / "average_embeddings.h5")
    cli.main([*arguments, "--class", "0"])  # by its class it needs no PANNs
    for option in (["--auto"], ["--query", str(tmp_path / "a.wav")]):
        with pytest.raises(ValueError, match=r"panns\.pt is missing.*--stage 6"):
            cli.main([*arguments, *option])
    with pytest.raises(ValueError, match="is no model directory"):
        cli.main(["info", str(tmp_path)])


def test_wrong_options_exit_2(uss, write):
    write("a.wav", sound(1))
    assert uss("a.wav") == 2
    assert uss("a.wav", "--class", "0", "--level", "4") == 2
    assert uss("a.wav", "--auto", "--threshold", "2") == 2
    assert uss("a.wav", "--class", "0", "--save-query", "x.h5") == 2


@pytest.mark.slow
def test_the_exit_status_reaches_the_shell(experiment, tmp_path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-m", "uss", "separate", "missing.wav", "--class", "0"]
    command += ["--model", str(experiment / "resunet")]
    environment = {**os.environ, "PYTHONPATH": str(root)}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1
    assert "ERROR batch: missing.wav: missing" in done.stderr
    assert "0 separated, 0 skipped as done, 1 failed" in done.stderr


@pytest.mark.slow
def test_damaged_panns_are_written_again_by_stage_6(experiment, tmp_path, monkeypatch, caplog):
    """A disk that loses a bit leaves size and time as they were."""
    recipe = Path(shutil.copytree(experiment.parents[1], tmp_path / "recipe"))
    monkeypatch.chdir(recipe)
    path = Path("exp/one/panns.pt")
    average_embeddings.main(["--name", "one"])
    whole, stat = path.read_bytes(), path.stat()
    flip_a_weight(path)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    average_embeddings.main(["--name", "one"])
    assert "run exp/one/panns.pt: damaged (" in caplog.text
    assert path.read_bytes() == whole == Path("exp/one/at_soft/panns.pt").read_bytes()
