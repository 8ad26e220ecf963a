"""What goes wrong with one file is a line, and success means whole, finite outputs."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
import torch

from tests.helpers.small_disk import largest_file
from tests.separation.chirp import sound
from uss.separation.file_separation import Job, separate_file
from uss.separation.lock import locked
from uss.separation.model import Model

ROOT = Path(__file__).parents[2]


def files_in(folder) -> set[str]:
    return {str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()}


def errors(caplog) -> list[str]:
    return [entry.getMessage() for entry in caplog.records if entry.levelname == "ERROR"]


def start(experiment, folder: Path, *arguments) -> subprocess.Popen:
    command = [sys.executable, "-m", "uss", "separate", *map(str, arguments)]
    command += ["--model", str(experiment / "resunet")]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def start_long(experiment, folder: Path) -> subprocess.Popen:
    """Separates folder/a.wav and has begun to write."""
    process = start(experiment, folder, "a.wav", "--class", "0")
    end = time.monotonic() + 120
    while not list(folder.glob("separated/a/.*.tmp.wav")):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise AssertionError(process.communicate()[1])
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("subtype", ["PCM_16", "FLOAT"])
def test_weights_that_are_not_finite(experiment, write, tmp_path, value, subtype):
    model = Model(experiment / "resunet")
    with torch.no_grad():
        next(model.window_separator.separator.network.parameters()).view(-1)[0] = value
    job = Job(write("a.wav", sound(1), subtype=subtype), tmp_path / "out", [], residual=True)
    job.queries = [model.class_query("0")]
    with pytest.raises(ValueError, match="'class 0' is not finite .* from 0.00 s on: the model's"):
        separate_file(model, job, show_progress=False)
    assert files_in(tmp_path / "out") == set()


def test_a_saved_query_that_is_damaged(uss, write):
    write("a.wav", sound(1))
    assert uss("a.wav", "--query", "a.wav", "--save-query", "q.h5", "--output", "1") == 0
    with h5py.File("q.h5", "a") as file:
        whole = file["query"][:]
    for damaged in (np.where(np.arange(len(whole)) == 3, np.nan, whole), whole[:-1], whole[None]):
        with h5py.File("q.h5", "a") as file:
            del file["query"]
            file["query"] = damaged
        with pytest.raises(ValueError, match=r"^q\.h5: "):
            uss("a.wav", "--query", "q.h5", "--residual", "--output", "2")
    assert not Path("2").exists()


def test_an_average_embedding_that_is_not_finite(experiment, uss, write, monkeypatch):
    write("a.wav", sound(1))
    real = Model.class_query
    monkeypatch.setattr(
        Model, "class_query", lambda *given: real(*given)._replace(values=np.full(8, np.nan))
    )
    with pytest.raises(ValueError, match="the query 'class 0' is not finite"):
        uss("a.wav", "--class", "0")


@pytest.mark.parametrize("size", [0, 100, -1])
def test_an_output_of_another_size_is_made_again(uss, write, caplog, size):
    caplog.set_level("INFO")
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "0", "--residual") == 0
    path = Path("separated/a/a_residual.wav")
    whole = path.read_bytes()
    path.write_bytes(whole[:size])
    assert uss("a.wav", "--class", "0", "--residual") == 0
    assert caplog.messages[-1] == "1 separated, 0 skipped as done, 0 failed"
    assert path.read_bytes() == whole


@pytest.mark.slow
def test_a_full_disk_is_a_line_a_file(uss, write, caplog):
    caplog.set_level("INFO")
    write("long.wav", sound(8))
    write("short.wav", sound(0.6))
    write("longer.wav", sound(9))
    with largest_file(60_000):
        assert uss("long.wav", "short.wav", "longer.wav", "--class", "0", "--residual") == 1
    assert caplog.messages[-1] == "1 separated, 0 skipped as done, 2 failed"
    first, second = errors(caplog)
    assert first.startswith("long.wav: [Errno 27] File too large: 'separated/long/long_")
    assert second.startswith("longer.wav: ") and "ulimit -f" in second
    whole = {"short/short_class_0.wav", "short/short_residual.wav", "short/separation.json"}
    assert files_in("separated") == whole and os.listdir("separated") == ["short"]
    assert uss("long.wav", "short.wav", "longer.wav", "--class", "0", "--residual") == 0
    assert caplog.messages[-1] == "2 separated, 1 skipped as done, 0 failed"


@pytest.mark.slow
def test_a_failure_leaves_what_another_request_made(uss, write):
    write("a.wav", sound(8))
    assert uss("a.wav", "--class", "0") == 0
    before = {name: (Path("separated") / name).read_bytes() for name in files_in("separated")}
    with largest_file(60_000):
        assert uss("a.wav", "--class", "1") == 1
    assert before == {n: (Path("separated") / n).read_bytes() for n in files_in("separated")}


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (MemoryError(), "out of memory (MemoryError): give it more"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), "out of memory (Default"),
        (RuntimeError("a kernel of torch fails"), "RuntimeError: a kernel of torch fails"),
        (OSError(errno.EIO, "Input/output error", "a.wav"), "Input/output error: 'a.wav'; the"),
        (OSError("no number"), "OSError: no number"),
    ],
)
def test_an_error_of_one_file_does_not_end_the_batch(uss, write, caplog, monkeypatch, error, said):
    write("a.wav", sound(1))
    write("b.wav", sound(1))
    real, errors_left = Model.separate_windows, [error]

    def separate(*given):
        if errors_left:
            raise errors_left.pop()
        return real(*given)

    monkeypatch.setattr(Model, "separate_windows", separate)
    assert uss("a.wav", "b.wav", "--class", "0") == 1
    (line,) = errors(caplog)
    assert line.startswith("a.wav: ") and said in line
    assert files_in("separated") == {"b/b_class_0.wav", "b/separation.json"}


def test_a_bug_of_ours_ends_the_batch(uss, write, monkeypatch):
    write("a.wav", sound(1))
    monkeypatch.setattr(Model, "separate_windows", lambda *given: len(None))
    with pytest.raises(TypeError):
        uss("a.wav", "--class", "0")
    assert files_in("separated") == set()


def test_names_that_are_no_utf8(uss, write, caplog):
    caplog.set_level("INFO")
    name = os.fsdecode(b"caf\xe9 <b>")
    write("base.wav", sound(1))
    os.rename("base.wav", f"{name}.wav")
    query = os.fsdecode(b"q\xe9")
    os.link(f"{name}.wav", f"{query}.wav")
    arguments = [f"{name}.wav", "--query", f"{query}.wav", "--spectrogram", "--report"]
    assert uss(*arguments) == 0
    folder = f"separated/{name}"
    made = {f"{name}.png", f"{name}_q_xe9.wav", f"{name}_q_xe9.png", "separation.json"}
    assert set(os.listdir(folder)) == made
    json.loads(Path(folder, "separation.json").read_text(encoding="utf-8"))
    page = Path("separated/index.html").read_text(encoding="utf-8")
    assert "caf\\xe9 &lt;b&gt;.wav" in page and "caf%E9%20%3Cb%3E_q_xe9.wav" in page
    assert uss(*arguments) == 0
    assert caplog.messages[-1] == "0 separated, 1 skipped as done, 0 failed"


@pytest.mark.slow
def test_the_longest_name(uss, write, caplog):
    caplog.set_level("INFO")
    name = "a" * 251 + ".wav"
    write(name, sound(1))
    arguments = (name, "--class", "0", "--residual", "--spectrogram")
    assert uss(*arguments) == 0
    assert len(os.listdir("separated/" + "a" * 251)) == 6
    assert uss(*arguments) == 0
    assert caplog.messages[-1] == "0 separated, 1 skipped as done, 0 failed"


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_leaves_no_temporaries(experiment, write, tmp_path, number):
    write("a.wav", sound(600))
    process = start_long(experiment, tmp_path)
    process.send_signal(number)
    said = process.communicate()[1]
    assert process.returncode == 128 + number
    assert said.rstrip().endswith("what was finished is kept, and nothing else")
    assert files_in(tmp_path / "separated") == set()


@pytest.mark.slow
def test_what_a_killed_process_leaves_goes(experiment, uss, write, tmp_path):
    write("a.wav", sound(600))
    process = start_long(experiment, tmp_path)
    process.kill()
    process.communicate()
    assert files_in("separated")
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "0") == 0
    assert files_in("separated") == {"a/a_class_0.wav", "a/separation.json"}


@pytest.mark.slow
def test_two_at_once_share_the_work(experiment, write, tmp_path):
    for name in "abc":
        write(f"{name}.wav", sound(4, seed=ord(name)))
    arguments = ("a.wav", "b.wav", "c.wav", "--class", "0", "--residual")
    both = [start(experiment, tmp_path, *arguments) for _ in range(2)]
    said = [process.communicate()[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    separated = [int(text.split(" separated, ")[0].split()[-1]) for text in said]
    assert sum(separated) == 3
    expected = {f"{n}/{f}" for n in "abc" for f in (f"{n}_class_0.wav", f"{n}_residual.wav")}
    found = files_in(tmp_path / "separated")
    assert found == expected | {f"{name}/separation.json" for name in "abc"}
    for name in "abc":
        parts = [
            soundfile.read(p, dtype="int16")[0] for p in tmp_path.glob(f"separated/{name}/*.wav")
        ]
        whole = soundfile.read(tmp_path / f"{name}.wav", dtype="int16")[0]
        assert np.array_equal(sum(part.astype(int) for part in parts), whole)


def test_a_lock_is_waited_for_and_leaves_nothing(tmp_path):
    folder, order = tmp_path / "deep" / "a", []
    inside, leave = threading.Event(), threading.Event()

    def first():
        with locked(folder):
            inside.set()
            leave.wait(10)
            order.append("first")

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait(10)
    threading.Timer(0.2, leave.set).start()
    with locked(folder):
        order.append("second")
        (folder / "x").touch()
    thread.join()
    assert order == ["first", "second"]
    assert os.listdir(folder) == ["x"]


def test_a_disk_without_locking(uss, write, monkeypatch):
    def refuse(*given):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "0") == 0
    assert files_in("separated") == {"a/a_class_0.wav", "a/separation.json"}
