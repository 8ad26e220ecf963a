"""What the system refuses is not bad audio; and ffmpeg has an end."""

import errno
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.audio_samples import encoded, needs_ffmpeg, noise
from uss.audio import BadAudio, decode, write_audio
from uss.audio_files import ffmpeg

CASES = Path(__file__).parents[1] / "fixtures" / "cases"


@pytest.fixture
def wav(tmp_path):
    path = tmp_path / "a.wav"
    path.write_bytes(encoded("a.wav", noise()))
    return path


def test_no_more_open_files(wav):
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
    try:
        with pytest.raises(OSError) as caught:
            decode(wav)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert (caught.value.errno, caught.value.filename) == (errno.EMFILE, str(wav))


def test_a_name_that_leads_in_circles(tmp_path):
    (tmp_path / "a.wav").symlink_to(tmp_path / "a.wav")
    with pytest.raises(OSError) as caught:
        decode(tmp_path / "a.wav")
    assert (caught.value.errno, caught.value.filename) == (errno.ELOOP, str(tmp_path / "a.wav"))


@pytest.mark.skipif(os.getuid() == 0, reason="root may read all")
def test_a_file_that_may_not_be_read(wav):
    wav.chmod(0)
    with pytest.raises(PermissionError, match=r"a\.wav"):
        decode(wav)


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE, errno.ENOMEM])
@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.ogg"])
@pytest.mark.parametrize("num_good", [0, 2])  # reads before: of the header
def test_a_disk_that_fails(tmp_path, monkeypatch, number, name, num_good):
    path = tmp_path / name
    path.write_bytes(encoded(name, noise(10.0)))
    reads = []
    pread = os.pread

    def fails(*arguments):
        reads.append(arguments)
        if len(reads) > num_good:
            raise OSError(number, os.strerror(number))
        return pread(*arguments)

    monkeypatch.setattr(os, "pread", fails)
    with pytest.raises(OSError) as caught:
        decode(path)
    assert (caught.value.errno, caught.value.filename) == (number, str(path))


def test_ctrl_c_is_not_lost_in_libsndfile(wav, monkeypatch):
    def interrupted(*arguments):
        raise KeyboardInterrupt

    from uss.audio_files.view import View

    monkeypatch.setattr(View, "_read", interrupted)
    with pytest.raises(KeyboardInterrupt):
        decode(wav)


def fake(folder: Path, monkeypatch, script: str) -> Path:
    """An `ffmpeg` before all others in PATH; returns a file that it may decode."""
    program = folder / "bin" / "ffmpeg"
    program.parent.mkdir()
    program.write_text(f"#!/bin/bash\n{script}\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    path = folder / "a.m4a"
    path.write_bytes((CASES / "really_m4a_2s.wav").read_bytes())
    return path


def test_an_ffmpeg_that_computes_for_ever(tmp_path, monkeypatch):
    path = fake(tmp_path, monkeypatch, "while :; do :; done")
    monkeypatch.setattr(ffmpeg, "CPU_SECONDS", 1)
    with pytest.raises(BadAudio, match="ffmpeg does not come to an end within 1 s"):
        decode(path)


def test_an_ffmpeg_that_writes_for_ever(tmp_path, monkeypatch):
    path = fake(tmp_path, monkeypatch, "exec yes")
    monkeypatch.setattr(ffmpeg, "MAX_BYTES", 2**20)
    monkeypatch.setattr(ffmpeg, "MAX_RATIO", 1)
    with pytest.raises(BadAudio, match="more than .* bytes of samples come from it"):
        decode(path)


def test_an_ffmpeg_that_stands_still_is_not_the_files_fault(tmp_path, monkeypatch):
    path = fake(tmp_path, monkeypatch, "exec sleep 1000")
    monkeypatch.setattr(ffmpeg, "STALL_SECONDS", 1)
    with pytest.raises(TimeoutError, match="ffmpeg gave nothing for 1 s"):
        decode(path)


def test_an_ffmpeg_that_was_killed_is_not_the_files_fault(tmp_path, monkeypatch):
    path = fake(tmp_path, monkeypatch, "kill -9 $$")
    with pytest.raises(OSError, match=r"ffmpeg was ended by signal 9: '.*a\.m4a'") as caught:
        decode(path)
    assert not isinstance(caught.value, BadAudio)


def test_an_ffmpeg_that_crashes_is_the_files_fault(tmp_path, monkeypatch):
    path = fake(tmp_path, monkeypatch, "kill -SEGV $$")
    with pytest.raises(BadAudio, match="it ended with status -11"):
        decode(path)


def test_ffmpeg_ends_with_us(tmp_path, monkeypatch):
    path = fake(tmp_path, monkeypatch, f"echo $$ > {tmp_path}/pid; exec yes")
    code = f"from uss.audio import decode; decode({str(path)!r})"
    with subprocess.Popen([sys.executable, "-P", "-c", code]) as process:
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    of_ffmpeg = Path("/proc", (tmp_path / "pid").read_text().strip(), "cmdline")
    deadline = time.monotonic() + 10
    while of_ffmpeg.exists() and of_ffmpeg.read_bytes() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not of_ffmpeg.exists() or not of_ffmpeg.read_bytes()


@needs_ffmpeg
def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    decode(CASES / "really_m4a_2s.wav")
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_says_so(tmp_path):
    """Whose file is too large for the system: libsndfile says `System error.`"""
    code = (
        "import numpy as np, resource; from uss.audio import write_wav\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        f"try: write_wav({str(tmp_path / 'a.wav')!r}, np.zeros(9999), 8000)\n"
        "except OSError as error: print(error.errno)\n"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True)
    assert done.stdout == f"{errno.EFBIG}\n", done.stderr
    assert list(tmp_path.iterdir()) == []


def test_write_audio(tmp_path):
    write_audio(tmp_path / "a.flac", np.zeros((50, 2)), 8000, "FLAC", "PCM_16")
    assert decode(tmp_path / "a.flac")[0].shape == (2, 50)
