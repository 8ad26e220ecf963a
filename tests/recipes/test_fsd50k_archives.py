"""Stage 0 of egs/fsd50k from zip archives: read across their parts, unpacked, damaged, missing."""

import io
import logging
import os
import shutil
import struct
import zipfile
from pathlib import Path

import pytest

from egs.fsd50k.local.split_zip import SplitZip
from tests.helpers.fsd50k_recipe import Recipe, clips_of_splits
from tests.helpers.recipe_runs import ROOT
from tests.helpers.small_disk import mounted

FIXTURE = ROOT / "tests" / "fixtures" / "split_zip" / "FSD50K.eval_audio.zip"
ARCHIVES = "data.source=archives"


@pytest.fixture
def recipe(published_fsd50k, tmp_path, monkeypatch, caplog):
    """With the archives in data/archives."""
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(tmp_path, published_fsd50k)
    recipe.packed()
    return recipe


def contents(archive: SplitZip) -> dict[str, bytes]:
    return {member.name: b"".join(archive.chunks(member)) for member in archive.members}


def test_an_archive_of_info_zip():
    """Three files of 28,044 bytes, stored, in parts of 65,536 bytes; the third lies in both."""
    archive = SplitZip(FIXTURE)
    assert [part.name for part in archive.parts] == [
        "FSD50K.eval_audio.z01",
        "FSD50K.eval_audio.zip",
    ]
    for number, (name, content) in enumerate(contents(archive).items()):
        assert name == f"FSD50K.eval_audio/{200 + number}.wav"
        samples = struct.pack("<100h", *range(number, 100 + number)) * 140
        assert content[44:] == samples and len(content) == 28044
    assert number == 2


def test_the_parts_of_the_tests_are_read_as_those_of_info_zip(recipe):
    audio = SplitZip(recipe.data / "archives" / "FSD50K.dev_audio.zip")
    assert len(audio.parts) > 2
    folder = recipe.published.folder
    assert contents(audio) == {
        f"FSD50K.dev_audio/{path.name}": path.read_bytes()
        for path in (folder / "FSD50K.dev_audio").iterdir()
    }


def test_numbers_that_stand_in_zip64_fields(tmp_path):
    """As a stream is zipped, whose size is not known before, in one part."""
    path = tmp_path / "long.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        with archive.open("one.wav", "w", force_zip64=True) as member:
            member.write(b"one" * 999)
        archive.writestr("two.wav", b"two" * 999)
    content = path.read_bytes()
    # The list's entry of the second member, and the end, in the long form.
    at = content.rfind(b"PK\1\2")
    end = content.rfind(b"PK\5\6")
    entry = list(struct.unpack_from("<4s6H3L5H2L", content, at))
    size, packed, offset = entry[9], entry[8], entry[16]
    entry[8] = entry[9] = entry[16] = 0xFFFFFFFF
    extra = struct.pack("<2H", 7, 2) + b"xx" + struct.pack("<2H3Q", 1, 24, size, packed, offset)
    entry[11] = len(extra)
    second = struct.pack("<4s6H3L5H2L", *entry) + b"two.wav" + extra
    start = struct.unpack_from("<L", content, end + 16)[0]
    length = at + len(second) - start
    long_end = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, 2, 2, length, start)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, at + len(second), 1)
    short_end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 2, 2, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    path.write_bytes(content[:at] + second + long_end + locator + short_end)
    assert contents(SplitZip(path)) == {"one.wav": b"one" * 999, "two.wav": b"two" * 999}
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:  # the same to Python
        assert archive.read("two.wav") == b"two" * 999


def test_archives_give_the_same_tables_as_the_folder(recipe, tmp_path, monkeypatch, caplog):
    recipe.prepare(ARCHIVES)
    from_archives = clips_of_splits()
    for name in ("dev_audio", "eval_audio", "ground_truth", "metadata"):
        for path in (recipe.published.folder / f"FSD50K.{name}").iterdir():
            assert (recipe.data / "FSD50K" / path.parent.name / path.name).read_bytes() == (
                path.read_bytes()
            )
    shutil.rmtree(recipe.data)
    recipe.unpacked()
    recipe.prepare()
    assert clips_of_splits() == from_archives
    assert "FSD50K.dev_audio: 48 files to unpack, 0 are there, 0 are not used" in caplog.text


def test_what_is_unpacked_already_is_left_alone(recipe, caplog):
    recipe.prepare(ARCHIVES)
    audio = recipe.data / "FSD50K" / "FSD50K.dev_audio"
    files = sorted(audio.iterdir())
    times = {path: path.stat().st_mtime_ns for path in files}
    files[0].unlink()
    os.truncate(files[1], 100)  # a machine that crashed
    caplog.clear()
    recipe.prepare(ARCHIVES)
    assert "FSD50K.dev_audio: 2 files to unpack, 46 are there" in caplog.text
    changed = [path for path in files if path.stat().st_mtime_ns != times[path]]
    assert changed == files[:2]
    for path in changed:
        original = recipe.published.folder / "FSD50K.dev_audio" / path.name
        assert path.read_bytes() == original.read_bytes()


def test_a_missing_part_is_named(recipe):
    archives = recipe.data / "archives"
    (archives / "FSD50K.dev_audio.z01").unlink()
    (archives / "FSD50K.dev_audio.z03").unlink()
    message = r"lacks 2 of \d parts of FSD50K.dev_audio: FSD50K.dev_audio.z01, FSD50K.dev_audio.z03"
    with pytest.raises(ValueError, match=message):
        recipe.prepare(ARCHIVES)
    (archives / "FSD50K.ground_truth.zip").unlink()
    with pytest.raises(ValueError, match="FSD50K.ground_truth.zip is missing: put it there"):
        recipe.prepare(ARCHIVES)
    with pytest.raises(ValueError, match="nowhere is no folder: name that of FSD50K's zip files"):
        recipe.prepare(ARCHIVES, "data.archives=nowhere")


def test_metadata_may_be_missing(recipe, caplog):
    (recipe.data / "archives" / "FSD50K.metadata.zip").unlink()
    recipe.prepare(ARCHIVES)
    assert "nothing will be known of the clips' uploaders" in caplog.text
    assert "the uploaders of 60 of 60 clips are not known" in caplog.text


def flip(path: Path, position: int) -> None:
    content = bytearray(path.read_bytes())
    content[position] ^= 0x10
    path.write_bytes(content)


def test_a_damaged_part_is_never_taken_for_audio(recipe):
    part = recipe.data / "archives" / "FSD50K.dev_audio.z02"
    flip(part, part.stat().st_size // 2)
    with pytest.raises(ValueError, match=r"FSD50K.dev_audio.zip and its parts: damaged \(.*wav"):
        recipe.prepare(ARCHIVES)
    originals = recipe.published.folder / "FSD50K.dev_audio"
    for path in (recipe.data / "FSD50K" / "FSD50K.dev_audio").iterdir():
        assert path.read_bytes() == (originals / path.name).read_bytes()  # and no temporaries


@pytest.mark.parametrize("part", ["FSD50K.dev_audio.z01", "FSD50K.dev_audio.zip"])
def test_a_part_that_is_cut_off_is_said(recipe, part):
    path = recipe.data / "archives" / part
    os.truncate(path, path.stat().st_size - 30)
    with pytest.raises(ValueError, match=r"FSD50K.dev_audio.zip and its parts: damaged \("):
        recipe.prepare(ARCHIVES)


def test_an_archive_of_something_else(recipe):
    archives = recipe.data / "archives"
    shutil.copy(archives / "FSD50K.ground_truth.zip", archives / "FSD50K.metadata.zip")
    with pytest.raises(ValueError, match="FSD50K.metadata.zip holds no FSD50K.metadata/.*json"):
        recipe.prepare(ARCHIVES)
    (archives / "FSD50K.metadata.zip").write_bytes(b"<html>")
    with pytest.raises(ValueError, match="damaged .there is no list of members at its end.; get"):
        recipe.prepare(ARCHIVES)


def test_names_that_lead_out_of_the_folder_are_not_used(recipe):
    path = recipe.data / "archives" / "FSD50K.ground_truth.zip"
    with zipfile.ZipFile(path, "a") as archive:
        archive.writestr("FSD50K.ground_truth/../../dev.csv", "x")
        archive.writestr("/dev.csv", "x")
    recipe.prepare(ARCHIVES)
    assert not (recipe.folder / "dev.csv").exists() and not (recipe.data / "dev.csv").exists()


def test_a_disk_without_room_is_said_before_anything_is_written(recipe):
    small = recipe.folder / "small"
    with mounted(small, "-t", "tmpfs", "-o", "size=1M", "tmpfs"):
        message = f"0.0 GB are to be written to {small}, which has .*: .* or set data.folder"
        with pytest.raises(ValueError, match=message):
            recipe.prepare(ARCHIVES, f"data.folder={small}")
        assert not any(small.iterdir())
