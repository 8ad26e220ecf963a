"""Stage 0 of egs/esc50 and egs/fsdkaggle2018, on a few sounds in the published formats; then their
first stages by the real run.sh."""

import csv
from collections import Counter
from pathlib import Path

import pytest

from egs.esc50.local.prepare import main as prepare_esc50
from egs.fsdkaggle2018.local.prepare import main as prepare_fsdkaggle2018
from tests.helpers import published_sets
from tests.helpers.recipe_runs import ROOT, copy_recipe, run
from uss.bin.check_data import check
from uss.data.dataset import LABELLED_SPLITS, Dataset
from uss.labels import audioset_classes
from uss.tables import Anchor, ClassPair, Clip, Missing, Mixture, Surplus, read_table

CATEGORIES = {"dog": 0, "rooster": 1, "insects": 7, "crickets": 13}
LABELS = ["Bark", "Gunshot_or_gunfire", "Oboe"]
DATA = Path("data")


@pytest.fixture
def esc50(tmp_path, monkeypatch):
    """The data set's folder, where the recipe looks for it; the working directory is the recipe."""
    monkeypatch.chdir(published_sets.copy_conf(ROOT / "egs" / "esc50", tmp_path))
    return published_sets.esc50(DATA / "ESC-50-master", CATEGORIES)


@pytest.fixture
def fsdkaggle2018(tmp_path, monkeypatch):
    monkeypatch.chdir(published_sets.copy_conf(ROOT / "egs" / "fsdkaggle2018", tmp_path))
    return published_sets.fsdkaggle2018(DATA / "FSDKaggle2018", LABELS, num_train=12, num_test=2)


def mid(name):
    classes = audioset_classes()
    return classes.ids[classes.index_of_name(name)]


def groups(dataset, split):
    return {clip.group for clip in dataset.clips(split)}


def test_the_folds_of_esc50_are_the_splits_and_a_source_a_group(esc50):
    prepare_esc50([])
    dataset = Dataset(DATA)
    check(dataset)
    folds = {"train": {1, 2, 3}, "dev": {4}, "eval": {5}}
    for split in LABELLED_SPLITS:
        clips = dataset.clips(split)
        assert {int(clip.clip_id[0]) for clip in clips} == folds[split]
        assert all(f"-{clip.group}-" in clip.clip_id for clip in clips)
        assert len(groups(dataset, split)) == len(clips) / 2  # takes A and B
    names = dict(zip(dataset.classes.names, dataset.classes.ids, strict=True))
    audioset = {name: mid(name) for name in ("Dog", "Insect", "Cricket")}
    assert names == audioset | {"rooster": "rooster"}
    (pair,) = read_table(DATA / "forbidden_pairs.csv", ClassPair)
    assert {pair.class_id, pair.other_class_id} == {mid("Insect"), mid("Cricket")}


def test_another_fold_is_evaluated(esc50, capsys):
    prepare_esc50(["--set", "data.eval_fold=1"])
    assert {clip.clip_id[0] for clip in Dataset(DATA).clips("eval")} == {"1"}
    for fold, message in ((4, "dev_fold and eval_fold are both 4"), (6, "eval_fold is 6; ESC-50")):
        with pytest.raises(SystemExit):
            prepare_esc50(["--set", f"data.eval_fold={fold}"])
        assert message in capsys.readouterr().err


def test_rows_without_audio_and_audio_without_rows_are_listed(esc50, caplog):
    first, second, *_ = sorted((esc50 / "audio").iterdir())
    first.unlink()
    second.rename(second.with_name("other.wav"))
    prepare_esc50([])
    check(Dataset(DATA))
    missing = read_table(DATA / "train" / "missing.csv", Missing)
    assert [row.clip_id for row in missing] == [first.name, second.name]
    (surplus,) = read_table(DATA / "surplus.csv", Surplus)
    assert surplus.item.endswith("other.wav")
    assert "2 listed recordings have no audio: data/<split>/missing.csv names them" in caplog.text
    assert "1 files are not listed, and not used: data/surplus.csv" in caplog.text


def replace_in(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("1,0,dog", "1,0,puppy", "local/class_names.csv lacks the labels puppy"),
        ("wav,1,0,dog", "wav,6,0,dog", "names fold 6; ESC-50 has the folds 1 to 5"),
        ("1-101000-A-0.wav,1,", "1-101000-A-0.wav,5,", "group 101000 is in eval and in train"),
        ("1-101000-A-0.wav,1,", ",1,", "esc50.csv, row 2: filename, fold.* one of them is empty"),
        ("src_file", "source", "esc50.csv has no column src_file; get it from ESC-50, https"),
    ],
)
def test_a_list_that_does_not_fit(esc50, old, new, message):
    replace_in(esc50 / "meta" / "esc50.csv", old, new)
    with pytest.raises(ValueError, match=message):
        prepare_esc50([])


def test_a_folder_that_is_not_there_says_where_it_comes_from(esc50, tmp_path):
    with pytest.raises(ValueError, match="data.audio names the unpacked folder of ESC-50, https:"):
        prepare_esc50(["--set", f"data.audio={tmp_path / 'nowhere'}"])
    for path in (esc50 / "audio").iterdir():
        path.unlink()
    with pytest.raises(ValueError, match="none of the 40 listed recordings is in .*: unpack"):
        prepare_esc50([])


def test_the_lists_of_fsdkaggle2018_are_the_splits(fsdkaggle2018):
    prepare_fsdkaggle2018([])
    dataset = Dataset(DATA)
    check(dataset)
    names = dict(zip(dataset.classes.names, dataset.classes.ids, strict=True))
    audioset = {name: mid(name) for name in ("Bark", "Gunshot, gunfire")}
    assert names == audioset | {"Oboe": "Oboe"}
    num_groups = {}
    for split in LABELLED_SPLITS:
        of_group = {clip.group: clip.labels for clip in dataset.clips(split)}
        num_groups[split] = Counter(of_group.values())
    numbers = {"train": 10, "dev": 2, "eval": 2}  # of a class; dev is one training clip in six
    assert num_groups == {
        split: dict.fromkeys(dataset.classes.ids, number) for split, number in numbers.items()
    }
    assert groups(dataset, "eval") == {
        path.name for path in (fsdkaggle2018 / "FSDKaggle2018.audio_test").iterdir()
    }


def test_a_long_clip_of_fsdkaggle2018_is_divided_and_nothing_cut_off(fsdkaggle2018):
    prepare_fsdkaggle2018([])
    clips = [clip for split in LABELLED_SPLITS for clip in Dataset(DATA).clips(split)]
    long = [clip for clip in clips if clip.group == "00000a.wav"]
    assert [(c.start_seconds, c.duration_seconds) for c in long] == [(0.0, 10.0), (10.0, 4.0)]


def test_a_missing_list_of_fsdkaggle2018_names_its_source(fsdkaggle2018):
    (fsdkaggle2018 / "FSDKaggle2018.meta" / "test_post_competition_scoring_clips.csv").unlink()
    with pytest.raises(
        ValueError, match="scoring_clips.csv is not there: .*zenodo.org/records/2552"
    ):
        prepare_fsdkaggle2018([])


@pytest.mark.parametrize(
    "name, num_labels, num_audioset", [("esc50", 50, 43), ("fsdkaggle2018", 41, 40)]
)
def test_the_names_of_classes_are_audiosets(name, num_labels, num_audioset):
    with open(ROOT / "egs" / name / "local" / "class_names.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["label"] for row in rows}) == len(rows) == num_labels
    given = [row["audioset_class"] for row in rows if row["audioset_class"]]
    assert len(set(given)) == len(given) == num_audioset
    assert set(given) <= set(audioset_classes().names)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["esc50", "fsdkaggle2018"])
def test_stages_0_to_3_by_run_sh(tmp_path, name):
    """Without a query encoder, as adopted models bring their own."""
    recipe = copy_recipe(name, tmp_path)
    (recipe / "conf" / "detector.yaml").unlink()
    if name == "esc50":
        published_sets.esc50(recipe / "data" / "ESC-50-master", {"dog": 0, "rooster": 1})
    else:
        published_sets.fsdkaggle2018(recipe / "data" / "FSDKaggle2018", LABELS[:2], 6, 1)
    run(
        recipe,
        "--stop-stage",
        "3",
        "--nj",
        "1",
        overrides=["train.steps=12", "train.decay_steps=0", "train.fixed_statistics_steps=0"],
    )
    anchors = read_table(recipe / "data" / "eval" / "anchors.csv", Anchor)
    clips = read_table(recipe / "data" / "eval" / "clips.csv", Clip)
    assert {anchor.clip_id for anchor in anchors} == {clip.clip_id for clip in clips}
    for stem in ("train", "query", "dev", "eval"):
        assert read_table(recipe / "data" / "mixtures" / f"{stem}.csv", Mixture)
