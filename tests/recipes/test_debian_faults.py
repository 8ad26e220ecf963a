"""Stage 0 of egs/debian_sounds where packages are missing, other releases, or hold copies."""

import copy
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest

from egs.debian_sounds.local.data_config import Data
from egs.debian_sounds.local.packages import Package, download_debs
from egs.debian_sounds.local.recordings import Listed, Recording, disagreement
from tests.helpers.bash import PATH, executable
from tests.helpers.debian_recipe import (
    RECIPE,
    audio_file,
    make_recipe,
    prepare,
    save,
    sound,
    tables,
)
from uss.config import load
from uss.files import read_facts
from uss.tables import Event, read_table

OWL = "usr/share/words/owl{}.flac"  # groups g0020 to g0024


@pytest.fixture(scope="module")
def template(tmp_path_factory):
    return make_recipe(tmp_path_factory.mktemp("debian"))


@pytest.fixture
def recipe(template, tmp_path):
    """A recipe's folder, and package -> path -> content for tests that change a package."""
    folder, contents = template
    return shutil.copytree(folder, tmp_path / "recipe"), copy.deepcopy(contents)


def repack(recipe, contents, version: str = "1") -> None:
    (recipe / "packages" / "words_1_all.deb").unlink()
    save(recipe / "packages", "words", contents["words"], version)


def recordings(recipe) -> dict:
    rows = read_table(recipe / "data" / "extracted.csv", Recording)
    return {row.recording_id: row for row in rows}


def test_missing_packages_are_named_with_the_remedy(recipe):
    recipe, _ = recipe
    (recipe / "packages" / "words_1_all.deb").unlink()
    (recipe / "packages" / "talk_skill-1-py3-none-any.whl").unlink()
    with pytest.raises(ValueError) as error:
        prepare(recipe)
    for part in ("2 packages", "words_1_all.deb", "talk_skill-1-py3", "snapshot.debian.org"):
        assert part in str(error.value)
    assert "data.packages=FOLDER" in str(error.value)
    assert not (recipe / "data").exists()


def test_apt_keeps_to_the_folder(tmp_path, monkeypatch):
    """It takes a relative path for one below its own."""
    note = (
        '#!/bin/sh\nfor word; do case $word in Dir::*) echo "${word#*=}" >>"$NOTE" ;; esac; done\n'
    )
    executable(tmp_path / "bin" / "apt-get", note)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{PATH}")
    monkeypatch.setenv("NOTE", str(tmp_path / "note"))
    monkeypatch.chdir(tmp_path)
    Path("packages").mkdir()
    words = Package("words", "deb", "1", "words_1_all.deb", 0, "", "")
    download_debs([words], Path("packages"))
    folders = (tmp_path / "note").read_text().splitlines()
    assert len(folders) == 4
    assert all(path.startswith(f"{tmp_path}/packages/.download-") for path in folders)


@pytest.mark.slow
def test_another_release_is_used_file_by_file(recipe, caplog):
    """One file is shorter than listed, the others are as they were."""
    recipe, contents = recipe
    contents["words"][OWL.format(1)] = audio_file(sound(21, 0.9, 11025), 11025, "flac")
    repack(recipe, contents, version="2")
    with caplog.at_level(logging.WARNING):
        prepare(recipe)
    assert "words_2_all.deb is not the listed release" in caplog.text
    assert "owl1.flac is left out: 0.90 s, not 1.00 s" in caplog.text
    facts = read_facts(recipe / "data" / "extracted.csv")
    assert facts["other_releases"] == ["words"]
    assert facts["rejected"] == {f"words:{OWL.format(1)}": "0.90 s, not 1.00 s"}
    assert facts["num_used"] == facts["num_listed"] - 1 == len(recordings(recipe))
    text = (recipe / "data" / "ATTRIBUTION.md").read_text()
    assert "another than listed" in text and "0.90 s, not 1.00 s" in text


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "not in the package"),
        (b"fLaC", "not audio"),
        (audio_file(sound(20, 0.5, 16000), 16000, "flac"), "16000 Hz, not 8000 Hz"),
        (audio_file(np.stack([sound(20, 0.5, 8000)] * 2, 1), 8000, "flac"), "2 channels, not 1"),
        (audio_file(np.zeros(4000), 8000, "flac"), "silent"),
    ],
)
def test_a_file_that_disagrees_with_its_row_says_why(tmp_path, content, reason):
    listed = Listed("Owl", "", "words", "owl.flac", 0.5, 8000, 1, "CC0", "g", True, False)
    file = tmp_path / "owl.flac"
    if content is not None:
        file.write_bytes(content)
    found = disagreement(listed, file if content is not None else None)
    assert found.startswith(reason)


def test_a_class_that_lost_its_recordings_stops_the_stage(recipe):
    recipe, contents = recipe
    for group in range(2):
        del contents["words"][OWL.format(group)]
    repack(recipe, contents)
    with pytest.raises(ValueError, match="'Owl' has 3 independent groups"):
        prepare(recipe)


def test_a_damaged_package_stops_the_stage(recipe):
    recipe, _ = recipe
    path = recipe / "packages" / "words_1_all.deb"
    path.write_bytes(path.read_bytes()[:-1000])
    with pytest.raises(ValueError, match="words_1_all.deb: damaged"):
        prepare(recipe)


@pytest.mark.slow
def test_recordings_that_share_sound_stay_on_one_side(recipe):
    """Owl 1 sounds again, under another group's name, within owl 4."""
    recipe, contents = recipe
    both = 0.4 * (sound(24, 1.0, 11025) + sound(21, 1.0, 11025))
    contents["words"][OWL.format(4)] = audio_file(both, 11025, "flac")
    repack(recipe, contents)
    prepare(recipe)
    rows = recordings(recipe)
    one, four = (rows[f"words:{OWL.format(group)}"] for group in (1, 4))
    assert (one.listed_group, four.listed_group) == ("g0021", "g0024")
    assert one.group == four.group == "g0021"
    assert len({row.group for row in rows.values()}) == len(rows) - 1


@pytest.mark.slow
def test_unlabelled_audio_holds_no_copy_of_a_held_out_recording(recipe):
    recipe, contents = recipe
    part = 0.3 * sound(21, 1.0, 11025)[2000:]
    contents["words"]["usr/share/words/again.wav"] = audio_file(part, 11025)
    repack(recipe, contents)
    num_copies = {}
    for seed in range(4):
        prepare(recipe, f"seed={seed}")
        held_out = {
            event.group
            for split in ("dev", "eval")
            for event in read_table(recipe / "data" / split / "events.csv", Event)
        }
        facts = read_facts(recipe / "data" / "unlabelled" / "clips.csv")
        num_copies["g0021" in held_out] = facts["num_copies_of_held_out"]
    assert num_copies == {False: 0, True: 1}


@pytest.mark.slow
def test_changed_settings_and_lost_files_are_made_again(recipe, caplog):
    recipe, _ = recipe
    prepare(recipe)
    before = tables(recipe)
    next((recipe / "data" / "dev" / "audio").glob("*.flac")).unlink()
    with caplog.at_level(logging.INFO):
        prepare(recipe)
    assert "skip data/train/clips.csv" in caplog.text
    assert "run data/dev/clips.csv: audio files or tables beside it are gone" in caplog.text
    assert tables(recipe) == before
    shutil.rmtree(recipe / "data" / "recordings")
    with caplog.at_level(logging.INFO):
        prepare(recipe)
    assert "is missing, or not the one that was written" in caplog.text
    assert tables(recipe) == before
    prepare(recipe, "unlabelled=none", "floor_dbfs=[-80, -75]")
    after = tables(recipe)
    assert not any(name.startswith("unlabelled/") for name in after)
    assert after["extracted.csv"] == before["extracted.csv"]
    name = "train/audio/train_00000.flac"
    assert after[name] != before[name]


@pytest.mark.parametrize(
    ("override", "message"),
    [
        ("data.max_event_second=3", "the nearest known one is max_event_seconds"),
        ("data.max_event_seconds=9", "does not fit clip_seconds"),
        ("data.overlapping=[[Owl]]", "must be pairs of class names"),
        ("data.event_dbfs=[-10, -20]", "two rising levels"),
        ("data.dev_fraction=1", "between 0 and 1"),
        ("data.fold=3", "must be from 0 to 2"),
    ],
)
def test_a_wrong_key_of_data_yaml_is_named(override, message):
    with pytest.raises(ValueError, match=message):
        load(RECIPE / "conf", "data", Data, [override])


def test_an_overlapping_class_that_audioset_lacks_is_named(recipe):
    recipe, _ = recipe
    with pytest.raises(ValueError, match="no class is named 'Guitars'.*Guitar"):
        prepare(recipe, "overlapping=[[Guitars, Owl]]")
