"""Reading packages and the containers inside them, all made by hand."""

import gzip
import io
import lzma
import shutil
import subprocess

import numpy as np
import pytest
import soundfile

from egs.debian_sounds.local import archives, containers, extraction
from tests.helpers.debian_recipe import (
    ar_file,
    audio_file,
    deb_file,
    qt_resource,
    sound,
    sound_set,
    zip_file,
)

FILES = {"usr/share/a/dog.wav": b"bark", "usr/share/a/Ünï/cat.ogg": b"meow" * 1000, "b": b""}


NOISE = {"a": np.random.default_rng(0).bytes(20000)}


def flip(content: bytes) -> bytes:
    """Wrong in the middle."""
    middle = len(content) // 2
    return content[:middle] + bytes(16) + content[middle + 16 :]


def zstd(content: bytes) -> bytes:
    return subprocess.run(["zstd", "-c"], input=content, capture_output=True, check=True).stdout


def read_everything(path: str, content: bytes) -> dict[str, bytes]:
    return dict(containers.read_container(path, content, lambda member: True))


@pytest.mark.parametrize(
    ("suffix", "compress"), [("xz", lzma.compress), ("gz", gzip.compress), ("zst", zstd)]
)
def test_a_deb_is_read_whatever_its_compression(tmp_path, suffix, compress):
    if suffix == "zst" and shutil.which("zstd") is None:
        pytest.skip("needs the command zstd")
    package = tmp_path / "a_1_all.deb"
    package.write_bytes(deb_file(FILES, compress, suffix))
    assert dict(archives.files(package)) == FILES


def test_a_zstd_package_without_the_command_names_it(tmp_path, monkeypatch):
    package = tmp_path / "a_1_all.deb"
    package.write_bytes(deb_file(FILES, lambda content: content, "zst"))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ValueError, match="install the command zstd"):
        dict(archives.files(package))


def test_a_wheel_is_a_zip_file(tmp_path):
    package = tmp_path / "a-1-py3-none-any.whl"
    package.write_bytes(zip_file(FILES))
    assert dict(archives.files(package)) == FILES


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.deb", b"<html>not found</html>", "not a Debian package"),
        ("a.deb", ar_file({"debian-binary": b"2.0\n"}), "no data.tar"),
        ("a.deb", deb_file(FILES)[:-40], "damaged"),
        ("a.deb", deb_file(NOISE, lambda content: lzma.compress(content)[:5000]), "damaged"),
        ("a.deb", deb_file(NOISE, lambda content: flip(lzma.compress(content))), "damaged"),
        ("a.deb", deb_file(NOISE, lambda content: flip(gzip.compress(content)), "gz"), "damaged"),
        ("a.whl", zip_file(FILES)[:-10], "damaged"),
    ],
)
def test_a_damaged_package_is_named(tmp_path, name, content, message):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=message) as error:
        dict(archives.files(tmp_path / name))
    assert str(tmp_path / name) in str(error.value)


@pytest.mark.parametrize("version", [1, 2, 3])
@pytest.mark.parametrize("zipped", [False, True])
def test_a_qt_resource_gives_its_files_with_their_folders(version, zipped):
    content = qt_resource(FILES, version, zipped)
    expected = {f"x.rcc!/{path}": data for path, data in FILES.items()}
    assert read_everything("x.rcc", content) == expected


@pytest.mark.parametrize("newer", [False, True])
def test_a_sound_set_gives_riff_files_by_their_number(newer):
    entries = [audio_file(sound(seed, 0.1 * (seed + 1), 8000), 8000) for seed in range(12)]
    members = read_everything("usr/opensfx.cat", sound_set(entries, newer))
    assert list(members) == [f"usr/opensfx.cat!/{number}" for number in range(12)]
    for number, content in enumerate(members.values()):
        assert content == entries[number]
        waveform, rate = soundfile.read(io.BytesIO(content))
        assert (len(waveform), rate) == (800 * (number + 1), 8000)


def test_a_pk3_is_a_zip_file_and_a_text_is_no_container():
    assert read_everything("0snd.pk3", zip_file({"a/b.ogg": b"x"})) == {"0snd.pk3!/a/b.ogg": b"x"}
    assert read_everything("readme.txt", b"x") == {}


def test_only_wanted_members_are_read():
    """Others may be in a format that nobody here can read."""
    riff = audio_file(sound(0, 0.1, 8000), 8000)
    content = sound_set([b"JUNK" * 10, riff])
    wanted = {"x.cat!/1"}
    assert dict(containers.read_container("x.cat", content, wanted.__contains__)) == {
        "x.cat!/1": riff
    }
    with pytest.raises(ValueError, match="x.cat: entry 0"):
        read_everything("x.cat", content)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("x.rcc", b"qres"),
        ("x.rcc", qt_resource(FILES, 1).replace(b"qres", b"zres")),
        ("x.rcc", qt_resource({"a": b"0123456789"}, 2)[:-30]),
        ("x.cat", sound_set([audio_file(sound(0, 0.1, 8000), 8000)])[:-10]),
        ("x.pk3", b"PK nothing"),
    ],
)
def test_a_damaged_container_is_named(name, content):
    with pytest.raises(ValueError, match=f"^{name}: "):
        read_everything(name, content)


def test_nothing_is_written_outside_the_folder(tmp_path):
    package = tmp_path / "a_1_all.deb"
    package.write_bytes(deb_file({"../../evil.wav": b"x"}))
    with pytest.raises(ValueError, match="outside"):
        extraction.extract(package, lambda path: True, tmp_path / "out")
    assert not (tmp_path.parent / "evil.wav").exists()
