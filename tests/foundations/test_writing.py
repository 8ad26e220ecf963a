"""Why a disk would not write, whatever library writes; what killed processes have left."""

import errno
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import soundfile
import torch

from tests.helpers.small_disk import largest_file
from uss import temporaries
from uss.audio import write_wav
from uss.files import atomic, read_json, write_json, write_text
from uss.temporaries import host, shortened, temporary_name

NUMBERS = np.arange(100_000, dtype=np.float32)


def with_torch(path):
    with atomic(path) as temporary:
        torch.save({"x": torch.from_numpy(NUMBERS)}, temporary)


def with_pictures(path):
    from matplotlib.image import imsave

    with atomic(path) as temporary:
        imsave(temporary, np.random.default_rng(0).random((300, 300)))


WRITERS = {
    "a.txt": lambda path: write_text(path, "x" * 400_000),
    "a.json": lambda path: write_json(path, list(range(100_000))),
    "a.wav": lambda path: write_wav(path, NUMBERS, 16000),
    "a.pt": with_torch,
    "a.png": with_pictures,
}


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("room", [0, 1000, 50_000])
def test_a_full_disk_is_one_error_whatever_library_writes(tmp_path, name, room):
    path = tmp_path / name
    with largest_file(room), pytest.raises(OSError) as caught:
        WRITERS[name](path)
    assert (caught.value.errno, caught.value.filename) == (errno.EFBIG, str(path))
    assert os.listdir(tmp_path) == []
    WRITERS[name](path)
    assert os.listdir(tmp_path) == [name]


def test_what_is_not_the_disks_fault_stays_what_it_is(tmp_path):
    class Fault(RuntimeError):
        pass

    with pytest.raises(Fault, match="of the network"), atomic(tmp_path / "a.h5"):
        raise Fault("of the network")
    with pytest.raises(FileNotFoundError) as caught, atomic(tmp_path / "a.h5"):
        open(tmp_path / "not there")
    assert caught.value.filename == str(tmp_path / "not there")
    assert os.listdir(tmp_path) == []


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "a.txt").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        write_text(tmp_path / "a.txt", "x")
    assert caught.value.filename == str(tmp_path / "a.txt")


def killed_while_writing(path) -> str:
    """The name of the temporary that a killed process leaves."""
    code = """if True:
        import os, signal, sys
        from uss.files import atomic
        with atomic(sys.argv[1]) as temporary:
            temporary.write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
    """
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    subprocess.run([sys.executable, "-c", code, path], env=environment)
    (left,) = (name for name in os.listdir(path.parent) if ".tmp" in name)
    return left


def test_temporaries_of_killed_processes_go_with_the_next_write_there(tmp_path):
    left = killed_while_writing(tmp_path / "part_0000.h5")
    assert left.startswith(f".part_0000.{host()}-") and left.endswith(".tmp.h5")
    write_text(tmp_path / "another.txt", "x")
    assert os.listdir(tmp_path) == ["another.txt"]


def test_temporaries_of_the_living_and_of_other_hosts_stay(tmp_path):
    """Others' process ids mean nothing here: age decides, a day without a write."""
    living = [f".a.{host()}-{os.getppid()}.tmp.h5", f".a.{host()}-1.tmp.h5"]
    others = [".b.ffffff-99999999.tmp.h5", ".c.99999999.tmp.h5"]
    no_temporaries = [".b.tmp.h5", "b.1.tmp.h5", ".b.1.h5"]
    for name in [*living, *others, *no_temporaries]:
        (tmp_path / name).write_text("half")
    write_text(tmp_path / "x", "x")
    assert set(os.listdir(tmp_path)) == {*living, *others, *no_temporaries, "x"}
    yesterday = time.time() - temporaries.MAX_AGE_SECONDS - 60
    for name in [*living, *others, *no_temporaries]:
        os.utime(tmp_path / name, (yesterday, yesterday))
    temporaries._swept.clear()  # as in another process
    write_text(tmp_path / "y", "y")
    assert set(os.listdir(tmp_path)) == {*living, *no_temporaries, "x", "y"}


@pytest.mark.parametrize("letter", ["a", "é", "音", "\udce9"])
def test_the_longest_names_have_temporaries(tmp_path, letter):
    name = letter * ((255 - 4) // len(os.fsencode(letter))) + ".wav"
    write_text(tmp_path / name, "x")
    assert os.listdir(tmp_path) == [name]
    other = temporary_name(tmp_path / ("b" + name[1:]))
    assert len(os.fsencode(other.name)) <= 255
    assert other != temporary_name(tmp_path / name)


def test_a_shortened_name_stands_for_all_of_it():
    assert shortened("short", 10) == "short"
    long = "é" * 100
    for room in (20, 21):
        assert len(os.fsencode(shortened(long, room))) <= room
        assert shortened(long, room).startswith("éééééé")
        assert shortened(long, room) != shortened(long + "é", room)


def test_json_holds_names_that_are_no_utf8(tmp_path):
    name = os.fsdecode(b"caf\xe9.wav")
    write_json(tmp_path / "a.json", {name: "é"})
    assert "é" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert read_json(tmp_path / "a.json") == {name: "é"}


@pytest.mark.parametrize("content", [b"\xff\xfe", b"[" * 100_000, b"{", b'"x"'])
def test_json_that_is_none_names_the_file(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.json: not (a )?JSON"):
        read_json(tmp_path / "a.json")


def test_a_wav_that_ends_early_is_never_there(tmp_path):
    """libsndfile writes what fits and says nothing of it."""
    with largest_file(20_000), pytest.raises(OSError):
        write_wav(tmp_path / "a.wav", NUMBERS, 16000)
    write_wav(tmp_path / "a.wav", NUMBERS, 16000)
    assert soundfile.info(tmp_path / "a.wav").frames == len(NUMBERS)
