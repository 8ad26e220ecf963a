"""Stage 0 of egs/audioset: splits, a local copy, packed files."""

import os
import subprocess
import sys
import tempfile

import pytest

from egs.audioset.local import local_copy, splits
from egs.audioset.local.segments import read_segments
from tests.helpers.audioset_copy import all_clips, clips, touch, touch_all
from tests.helpers.audioset_recipe import CLASSES, RATE, RECIPE, ROOT, WEIGHTS, Recipe
from tests.helpers.audioset_synthetic import write_audio
from uss.bin.check_data import check
from uss.data.dataset import LABELLED_SPLITS, Dataset
from uss.tables import Missing, Surplus, read_table


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Recipe(tmp_path)


def test_dev_depends_on_seed_and_lists_only(recipe):
    segments = read_segments([recipe.data / "segments" / "balanced_train_segments.csv"], CLASSES)
    draws = [splits.draw_dev(segments, CLASSES, 4, seed) for seed in (0, 0, 1)]
    assert draws[0] == draws[1] != draws[2]
    everything = {row.clip_id for row in recipe.rows["balanced_train_segments"]}
    touch_all(recipe)
    recipe.prepare()
    before = set(clips("dev"))
    missing = sorted(everything)[::2]
    for clip_id in missing:
        (recipe.data / "audioset" / f"Y{clip_id}.wav").unlink()
    recipe.prepare()
    assert set(clips("dev")) == before - set(missing)


def test_lists_that_share_ids(recipe):
    touch_all(recipe)
    with pytest.raises(ValueError, match="20 ids, such as .*, stand in data.train_segments and"):
        recipe.prepare("data.train_segments=[balanced_train_segments.csv, eval_segments.csv]")


NAMINGS = [
    "train/Y{id}.wav",
    "{id}.FLAC",
    "a/b/{id}_{start:g}.mp3",
    "{id}_{start_ms:.0f}_{end_ms:.0f}.m4a",
    "Y{id}_{start:.3f}_{end:.3f}.wav",
    "Speech/{id}_{start}-{end}.wav",
    "id_{id}.m4a",
    "{id}.opus",
    "{id}_{start_ms:.0f}_{end_ms:.0f}.flac",
    "{id}_{start:.3f}.ogg",
    "[{id}]-[{start:.0f}-{end:.0f}].webm",
    "A title, $1 [4K] [{id}].mp4",
    "Old title-{id}.mkv",
    "Dog/Dog_{id}_{start}.mp4",
]


def test_a_local_copy_in_every_naming(recipe):
    rows = recipe.all_rows
    names = []
    for number, row in enumerate(rows):
        start, end = row.start_seconds, row.end_seconds
        naming = NAMINGS[number % len(NAMINGS)]
        times = {"start": start, "end": end, "start_ms": 1000 * start, "end_ms": 1000 * end}
        names.append(naming.format(id=row.clip_id, **times))
    touch(recipe, *names)
    recipe.prepare()
    found = all_clips()
    assert found.keys() == {row.clip_id for row in rows}
    for row, name in zip(rows, names, strict=True):
        clip = found[row.clip_id]
        assert clip.path == f"data/audioset/{name}"
        assert (clip.start_seconds, clip.duration_seconds) == (0.0, row.seconds)
        assert clip.labels.split() == sorted(row.labels, key=CLASSES.index)
        assert clip.group == row.clip_id
    assert read_table("data/surplus.csv", Surplus) == []
    assert set(clips("eval")) == {row.clip_id for row in recipe.rows["eval_segments"]}
    assert len(clips("dev")) >= 4
    check(Dataset())


def test_missing_and_surplus_files(recipe):
    gone = {row.clip_id for row in recipe.all_rows[5:15]}
    twice, elsewhere = recipe.all_rows[0].clip_id, recipe.all_rows[5].clip_id
    touch_all(recipe, but=gone)
    touch(recipe, "Y00000000000.wav", "cover art.mp3", f"{twice}.flac", "readme.txt")
    touch(recipe, f"{elsewhere}_500_510.wav", ".cache/Y00000000001.wav", ".Y1.8.tmp.wav")
    recipe.prepare()
    missing = [
        row for split in LABELLED_SPLITS for row in read_table(f"data/{split}/missing.csv", Missing)
    ]
    assert {row.clip_id for row in missing} == gone
    assert all_clips().keys() == {row.clip_id for row in recipe.all_rows} - gone
    surplus = {
        row.item.removeprefix("data/audioset/"): row.reason
        for row in read_table("data/surplus.csv", Surplus)
    }
    assert surplus == {
        "Y00000000000.wav": "the lists do not name the clip",
        "cover art.mp3": "the name holds no YouTube id",
        f"{elsewhere}_500_510.wav": "another stretch of the video",
        f"{twice}.flac": f"the clip is data/audioset/Y{twice}.wav",
    }


def test_what_is_not_used_is_said_with_examples(recipe, caplog):
    caplog.set_level("INFO")
    touch_all(recipe)
    others = [f"Y{number:011}.wav" for number in range(5)]
    touch(recipe, *others, "cover.mp3", f"{recipe.all_rows[0].clip_id}.mp3", "a.json", "b.json")
    recipe.prepare()
    shown = ", ".join(f"data/audioset/{name}" for name in others[:3])
    assert f"not used: the lists do not name the clip: 5, such as {shown}\n" in caplog.text
    assert "the name holds no YouTube id: 1, such as data/audioset/cover.mp3" in caplog.text
    assert "the clip is there already: 1, such as" in caplog.text
    assert "2 files hold no audio: 2 .json" in caplog.text


def test_links_are_followed_and_each_folder_is_searched_once(recipe, caplog):
    caplog.set_level("INFO")
    touch_all(recipe, but={recipe.all_rows[0].clip_id})
    elsewhere = recipe.folder / "elsewhere"
    (recipe.data / "audioset").rename(elsewhere)
    folder = recipe.data / "audioset"
    folder.mkdir()
    for name in ("one", "two"):
        (folder / name).symlink_to(".")
        (elsewhere / name).symlink_to(elsewhere)
    (folder / "clips").symlink_to(elsewhere)
    (folder / "itself").symlink_to("itself")
    (folder / f"Y{recipe.all_rows[0].clip_id}.wav").symlink_to("nowhere.wav")
    recipe.prepare()
    assert len(all_clips()) == 79 and read_table("data/surplus.csv", Surplus) == []
    assert {clip.path.split("/")[2] for clip in all_clips().values()} == {"clips"}
    assert "2 files hold no audio: 2 links that lead nowhere" in caplog.text


def test_names_that_tables_cannot_hold_are_named(recipe, caplog):
    caplog.set_level("INFO")
    first, second = (row.clip_id for row in recipe.all_rows[:2])
    touch_all(recipe, but={first})
    folder = os.fsencode(recipe.data / "audioset")
    for name in (f"caf\udce9 [{first}].wav", f"café, “{'long' * 50}” [{second}].opus"):
        (open(os.path.join(folder, os.fsencode(name)), "w")).close()
    recipe.prepare()
    assert len(all_clips()) == 79
    surplus = {row.item: row.reason for row in read_table("data/surplus.csv", Surplus)}
    reason = surplus[f"data/audioset/caf\\xe9 [{first}].wav"]
    assert reason == "the path is not UTF-8: rename it, or name its folder by a link"
    assert len(surplus) == 2 and reason in caplog.text


def test_a_folder_that_cannot_be_read_stops_the_stage():
    if os.geteuid() != 0:
        pytest.skip("only root can become another user, whom a folder is closed to")
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        os.makedirs(f"{folder}/copy/closed", mode=0o700)
        os.seteuid(65534)
        try:
            with pytest.raises(ValueError, match="copy/closed cannot be searched .*Permission"):
                local_copy.audio_files([f"{folder}/copy"])
        finally:
            os.seteuid(0)


def test_a_second_run_does_nothing_until_a_file_comes_or_goes(recipe, caplog):
    caplog.set_level("INFO")
    touch_all(recipe, but={recipe.all_rows[0].clip_id})
    recipe.prepare()
    caplog.clear()
    recipe.prepare()
    assert caplog.text.count("skip data/") == 4 and "run data/" not in caplog.text
    touch_all(recipe)
    recipe.prepare()
    assert "run data/train/clips.csv: changed input: audio" in caplog.text
    assert recipe.all_rows[0].clip_id in all_clips()


def test_a_folder_that_is_not_there(recipe):
    with pytest.raises(ValueError, match="data/audioset is no folder: .* data.local.folders"):
        recipe.prepare()
    with pytest.raises(ValueError, match=r"no file matches data/packed/\*.h5: .*data.packed.files"):
        recipe.prepare("data.source=packed")


def test_the_shell_script_writes_the_classes_without_torch(recipe, tmp_path):
    folder = recipe.data / "audioset"
    write_audio(folder, recipe.all_rows[:3], CLASSES, RATE)
    touch_all(recipe, but={row.clip_id for row in recipe.all_rows[:3]})
    no_torch = tmp_path / "no_torch"
    no_torch.mkdir()
    (no_torch / "torch.py").write_text("raise ImportError('stage 0 needs no torch')\n")
    (recipe.folder / "local").symlink_to(RECIPE / "local")
    options = [word for key in WEIGHTS for word in ("--set", f"pretrained.{key}=null")]
    done = subprocess.run(
        ["local/prepare.sh", "--conf", "conf", *options],
        env=os.environ
        | {
            "PATH": f"{os.path.dirname(sys.executable)}:{os.environ['PATH']}",
            "PYTHONPATH": f"{no_torch}:{ROOT}",
        },
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    dataset = Dataset(recipe.data)
    assert len(dataset.classes) == 527 and dataset.classes.names[0] == "Speech"
    assert "eval: 20 clips, 0 missing of 20" in done.stderr
