"""Stage 0 of egs/fsd50k: the ground truth, its hierarchy, uploaders and audio, as tables."""

import csv
import json
import logging
import os
import shutil
from collections import defaultdict

import pytest
import soundfile

from egs.fsd50k.local.hierarchy import most_specific
from tests.helpers.fsd50k_recipe import CLIP_SECONDS, Recipe, clips_of_splits, windows_of
from tests.helpers.fsd50k_synthetic import CRASH_CYMBAL, wav_path
from uss.bin.check_data import check
from uss.data.dataset import Dataset
from uss.labels import audioset_ancestors, audioset_names
from uss.tables import Missing, Surplus, read_table

CYMBAL = "/m/01qbl"


@pytest.fixture
def recipe(published_fsd50k, tmp_path, monkeypatch, caplog):
    """With the unpacked files in data/FSD50K."""
    caplog.set_level(logging.INFO)
    monkeypatch.chdir(tmp_path)
    recipe = Recipe(tmp_path, published_fsd50k)
    recipe.unpacked()
    return recipe


def test_every_clip_stands_once_on_the_authors_side(recipe):
    recipe.prepare()
    check(Dataset())
    authors = {"train": "train", "val": "dev", "eval": "eval"}
    found = {
        fname: split for split, clips in clips_of_splits().items() for fname in windows_of(clips)
    }
    assert found == {clip.fname: authors[clip.split] for clip in recipe.published.clips}
    uploaders = {clip.fname: clip.uploader for clip in recipe.published.clips}
    for clips in clips_of_splits().values():
        for fname, of_one in windows_of(clips).items():
            assert {clip.group for clip in of_one} == {uploaders[fname]}
    for split in ("train", "dev", "eval"):
        assert read_table(f"data/{split}/missing.csv", Missing) == []
    assert read_table("data/surplus.csv", Surplus) == []


def test_windows_hold_all_of_a_clip_and_none_is_longer(recipe):
    recipe.prepare()
    seconds = {clip.fname: clip.seconds for clip in recipe.published.clips}
    assert min(seconds.values()) < CLIP_SECONDS < max(seconds.values()) / 2
    for clips in clips_of_splits().values():
        for fname, of_one in windows_of(clips).items():
            end = 0.0
            for clip in of_one:
                assert clip.start_seconds <= end + 1e-6
                assert clip.duration_seconds <= CLIP_SECONDS + 1e-6
                end = clip.start_seconds + clip.duration_seconds
            assert end == pytest.approx(seconds[fname], abs=1e-4)


def test_targets_are_the_most_specific_and_never_meet_what_lies_above(recipe):
    recipe.prepare("data.left_out=[]")
    dataset, ancestors = Dataset(), audioset_ancestors()
    assert dataset.classes.ids == recipe.published.vocabulary
    names = audioset_names()
    assert dataset.classes.names == [names[class_id] for class_id in dataset.classes.ids]
    above = defaultdict(set)
    for one in dataset.classes.ids:
        for other in ancestors[one] & set(dataset.classes.ids):
            above[one].add(other)
            above[other].add(one)
    assert dataset.forbidden() == above and above
    labels = {
        fname: set(of_one[0].labels.split())
        for clips in clips_of_splits().values()
        for fname, of_one in windows_of(clips).items()
    }
    for clip in recipe.published.clips:
        carried = set(clip.class_ids)
        kept = labels[clip.fname]
        assert kept and kept <= carried
        assert not any(kept & ancestors[one] for one in kept)  # none lies above another one
        assert carried - kept == carried & set().union(*(ancestors[one] for one in kept))
    assert any(len(clip.class_ids) > len(labels[clip.fname]) for clip in recipe.published.clips)


def test_what_stays_of_real_labels():
    """Rows of FSD50K's eval.csv."""
    ancestors = audioset_ancestors()
    for mids, kept in (
        ("/m/02sgy,/m/0342h,/m/0fx80y,/m/04szw,/m/04rlf", "/m/02sgy"),  # electric guitar
        ("/m/02sgy,/m/07s0s5r,/m/0342h,/m/0fx80y,/m/04szw,/m/04rlf", "/m/02sgy,/m/07s0s5r"),
        ("/m/04brg2,/t/dd00071", "/m/04brg2"),  # dishes, domestic sounds
        ("/m/07r10fb,/m/0ngt1,/m/06mb1,/m/0838f,/m/0jb2l", "/m/07r10fb,/m/0ngt1"),  # drop, thunder
        ("/m/03qtwd,/m/01kcd,/m/04szw,/m/04rlf,/t/dd00012", "/m/03qtwd,/m/01kcd"),  # crowd, brass
    ):
        assert most_specific(set(mids.split(",")), ancestors) == set(kept.split(","))


def test_a_label_that_is_left_out_leaves_the_class_above_it(recipe):
    recipe.prepare()  # as conf/data.yaml says
    assert CRASH_CYMBAL in recipe.published.vocabulary
    assert CRASH_CYMBAL not in Dataset().classes.ids
    crashes = {clip.fname for clip in recipe.published.clips if CRASH_CYMBAL in clip.class_ids}
    labels = {
        fname: of_one[0].labels.split()
        for clips in clips_of_splits().values()
        for fname, of_one in windows_of(clips).items()
    }
    assert crashes and all(CYMBAL in labels[fname] for fname in crashes)


def test_a_second_run_does_nothing_and_a_change_is_seen(recipe, caplog):
    recipe.prepare()
    caplog.clear()
    recipe.prepare()
    assert "run " not in caplog.text and caplog.text.count("skip data/") == 5
    caplog.clear()
    soundfile.write(wav_path(recipe.data / "FSD50K", recipe.published.clips[0]), [0.1] * 9, 44100)
    recipe.prepare()
    assert "run data/train/clips.csv: changed input: audio" in caplog.text
    caplog.clear()
    recipe.prepare("resample.clip_seconds=2.0")
    assert "changed setting: clip_seconds" in caplog.text


def test_rows_without_audio_and_audio_without_a_row_are_listed(recipe, caplog):
    folder = recipe.data / "FSD50K"
    in_train = [clip for clip in recipe.published.clips if clip.split == "train"]
    gone, broken, empty = (wav_path(folder, clip) for clip in in_train[:3])
    gone.unlink()
    broken.write_text("no audio")
    soundfile.write(empty, [], 44100)
    shutil.copy(wav_path(folder, in_train[3]), folder / "FSD50K.dev_audio" / "7.wav")
    shutil.copy(wav_path(folder, in_train[3]), folder / "FSD50K.eval_audio")
    (folder / "FSD50K.eval_audio" / "notes.txt").touch()
    recipe.prepare()
    missing = {row.clip_id: row.reason for row in read_table("data/train/missing.csv", Missing)}
    assert missing.keys() == {gone.stem, broken.stem, empty.stem}
    assert missing[gone.stem] == "no file of this name"
    assert "not audio" in missing[broken.stem]
    assert {row.item for row in read_table("data/surplus.csv", Surplus)} == {
        f"data/FSD50K/FSD50K.{name}"
        for name in (
            "dev_audio/7.wav",
            f"eval_audio/{in_train[3].fname}.wav",
            "eval_audio/notes.txt",
        )
    }
    assert "train: 3 clips of the ground truth are not used, such as" in caplog.text
    assert "put files that are missing into data/FSD50K/FSD50K.dev_audio" in caplog.text
    assert "3 files are not used, such as" in caplog.text


def info_of(recipe, name="dev"):
    return recipe.data / "FSD50K" / "FSD50K.metadata" / f"{name}_clips_info_FSD50K.json"


def test_an_uploader_on_both_sides_goes_where_most_of_the_clips_are(recipe, caplog):
    info = json.loads(info_of(recipe).read_text())
    train = [clip.fname for clip in recipe.published.clips if clip.split == "train"][:2]
    val = [clip.fname for clip in recipe.published.clips if clip.split == "val"][:3]
    for fname in train + val:
        info[fname]["uploader"] = "both  sides"
    info_of(recipe).write_text(json.dumps(info))
    recipe.prepare()
    check(Dataset())
    windows = {split: windows_of(clips) for split, clips in clips_of_splits().items()}
    assert set(train + val) <= windows["dev"].keys()
    assert windows["dev"][train[0]][0].group == "both sides"
    assert "1 uploaders have clips in train and in val of dev.csv: 2 clips go" in caplog.text


def test_without_metadata_every_clip_is_a_group(recipe, caplog):
    shutil.rmtree(recipe.data / "FSD50K" / "FSD50K.metadata")
    recipe.prepare()
    check(Dataset())
    clips = clips_of_splits()
    assert all(clip.group in clip.clip_id for of_one in clips.values() for clip in of_one)
    assert "the uploaders of 60 of 60 clips are not known" in caplog.text


def edit(path, row, column, value):
    with open(path, newline="") as file:
        rows = list(csv.reader(file))
    rows[row][column] = value
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows(rows)


@pytest.mark.parametrize(
    ("name", "row", "column", "value", "message"),
    [
        ("dev", 1, 1, "Woof", "dev.csv: fname '.*': label 'Woof', which vocabulary.csv lacks"),
        ("dev", 1, 0, "../x", "dev.csv: fname '../x': no Freesound id; it must be FSD50K's own"),
        ("dev", 1, 3, "test", "dev.csv: fname .*: split is 'test'"),
        ("dev", 0, 3, "side", "dev.csv: line 1: the header must be fname,labels,mids,split"),
        ("eval", 2, 1, "Woof", "eval.csv: fname '.*': label 'Woof'"),
        ("vocabulary", 3, 0, "7", "vocabulary.csv: line 4: expected 3,label,mid"),
        (
            "vocabulary",
            3,
            2,
            "/m/x",
            "vocabulary.csv: line 4: '/m/x' is not in AudioSet's ontology",
        ),
    ],
)
def test_a_ground_truth_that_is_not_fsd50ks(recipe, name, row, column, value, message):
    edit(recipe.data / "FSD50K" / "FSD50K.ground_truth" / f"{name}.csv", row, column, value)
    with pytest.raises(ValueError, match=message):
        recipe.prepare()


def test_what_is_not_there_is_named_with_the_remedy(recipe):
    with pytest.raises(ValueError, match="names 'Crash_cymbol', .*the nearest is 'Crash_cymbal'"):
        recipe.prepare("data.left_out=[Crash_cymbol]")
    info_of(recipe, "eval").write_text('{"7": {}}')
    with pytest.raises(ValueError, match="eval_clips_info_FSD50K.json: clip '7' has no uploader"):
        recipe.prepare()
    os.rename("data/FSD50K/FSD50K.eval_audio", "data/FSD50K/eval")
    with pytest.raises(ValueError, match="FSD50K.eval_audio is no folder: name the one .*folder"):
        recipe.prepare()
    with pytest.raises(ValueError, match="nowhere/FSD50K.ground_truth/vocabulary.csv is missing"):
        recipe.prepare("data.folder=nowhere")
