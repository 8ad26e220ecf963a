"""`unlabelled: large` of egs/debian_sounds: more packages for the A-MAE's pretraining."""

import pytest

from egs.debian_sounds.local.data_config import Data
from egs.debian_sounds.local.packages import Package, read_packages
from egs.debian_sounds.local.recordings import Recording
from egs.debian_sounds.local.unlabelled import check_disk
from tests.helpers.debian_recipe import (
    RECIPE,
    audio_file,
    make_recipe,
    prepare,
    save,
    sound,
    write_csv,
)
from uss.config import load
from uss.files import read_facts
from uss.tables import Event, read_table

LARGE = "unlabelled=large"


@pytest.mark.slow
def test_more_packages_without_copies_of_held_out_recordings(tmp_path):
    recipe, _ = make_recipe(tmp_path)
    prepare(recipe)
    clips = recipe / "data" / "unlabelled" / "clips.csv"
    small = read_facts(clips)
    held_out = {e.group for e in read_table(recipe / "data" / "eval" / "events.csv", Event)}
    recordings = read_table(recipe / "data" / "extracted.csv", Recording)
    copied = next(r for r in recordings if r.group in held_out and r.duration_seconds >= 1)
    files = {
        "usr/share/music/theme.wav": audio_file(sound(200, 25.0, 8000), 8000),
        "usr/share/music/song.opus": audio_file(sound(201, 3.0, 8000), 8000, "ogg", "opus"),
        "usr/share/games/blobwars/sound/clang": audio_file(sound(202, 1.0, 8000), 8000),
        "usr/share/music/README": b"no sound",
        "usr/share/music/again.flac": (recipe / copied.file).read_bytes(),
    }
    package = save(recipe / "packages", "music", files)
    write_csv(recipe / "local" / "packages_unlabelled.csv", Package._fields, [package])
    prepare(recipe, LARGE)
    large = read_facts(clips)
    assert large["num_files"] == small["num_files"] + 3
    assert large["num_unusable"] == small["num_unusable"]
    assert large["num_copies_of_held_out"] == small["num_copies_of_held_out"] + 1
    assert large["num_clips"] >= small["num_clips"] + 2
    prepare(recipe)
    assert read_facts(clips) == small


def test_a_disk_that_is_too_small_is_told_before_the_download(tmp_path):
    package = Package("music", "deb", "1", "music_1_all.deb", 10**15, "0", "copyright")
    with pytest.raises(ValueError, match="1 packages to download, 1000000.00 GB.*are free"):
        check_disk([package], tmp_path, tmp_path / "data")


def test_the_old_words_name_the_new_ones():
    with pytest.raises(ValueError, match="unlabelled is True, not one of: none, small, large"):
        load(RECIPE / "conf", "data", Data, ["data.unlabelled=true"])


@pytest.mark.parametrize("which", ["more", "unlabelled"])
def test_a_package_stands_in_one_table(which):
    names = [p.package for p in read_packages(RECIPE / "local" / f"packages_{which}.csv")]
    first = {p.package for p in read_packages(RECIPE / "local" / "packages.csv")}
    assert names == sorted(set(names)) and not first & set(names)
