"""What stage 0 must leave: labels that are known, splits that share nothing."""

import pytest

from tests.helpers.tiny_recipe import SPLITS, clip
from uss.bin import check_data
from uss.data.dataset import Dataset
from uss.tables import ClassPair, Event, write_table


@pytest.fixture
def written(recipe):
    recipe.classes("/m/0", "/m/1")
    for split in SPLITS:
        recipe.clips(split, clip(f"{split}_a", "/m/0"), clip(f"{split}_b", "/m/1 /m/0"))
    return recipe


def check():
    check_data.check(Dataset())


def event(split, class_id="/m/0", clip_name="a", group=None):
    clip_id = f"{split}_{clip_name}"
    return Event(f"{clip_id}_e", clip_id, class_id, 0.0, 0.5, group or clip_id)


def write_events(recipe, split, *events):
    write_table(recipe.data / split / "events.csv", events, Event)


def test_good_data_and_what_the_log_says(written, caplog):
    caplog.set_level("INFO")
    check_data.main([])
    assert caplog.messages == [
        f"{split}: 2 clips, 2 recordings, 2 of 2 classes" for split in SPLITS
    ]


def test_a_class_without_clips_is_reported(written, caplog):
    written.clips("eval", clip("eval_a", "/m/0"))
    check()
    assert "eval: no clips of 1 classes: /m/1 (name of /m/1)" in caplog.messages


@pytest.mark.parametrize(("one", "other"), [("train", "dev"), ("train", "eval"), ("dev", "eval")])
def test_splits_share_no_clip(written, one, other):
    written.clips(other, clip(f"{one}_b", "/m/0"))
    with pytest.raises(
        ValueError, match=rf"{one}/clips.csv .*{other}/clips.csv share 1 clips"
    ) as e:
        check()
    assert f"{one}_b" in str(e.value)


def test_splits_share_no_recording(written):
    written.clips("eval", clip("eval_a", "/m/0")._replace(group="train_a"))
    with pytest.raises(ValueError, match="train/clips.csv .*share 1 groups, such as 'train_a'"):
        check()


def test_recordings_are_those_of_the_events(written):
    for split in SPLITS:
        write_events(written, split, event(split))
    check()
    write_events(written, "eval", event("eval", group="train_a"))
    with pytest.raises(ValueError, match="share 1 groups, such as 'train_a'"):
        check()


@pytest.mark.parametrize(("split", "allowed"), [("train", True), ("dev", False), ("eval", False)])
def test_unlabelled_audio_may_repeat_training_audio_only(written, split, allowed):
    written.clips("unlabelled", clip(f"{split}_a"))
    assert Dataset().splits == [*SPLITS, "unlabelled"]
    if allowed:
        check()
    else:
        with pytest.raises(ValueError, match=rf"{split}/clips.csv .*unlabelled/clips.csv share"):
            check()


def test_unknown_labels(written):
    written.clips("dev", clip("dev_a", "/m/0 /m/9"))
    with pytest.raises(ValueError, match=r"dev/clips.csv: id 'dev_a': label /m/9 is not in data/c"):
        check()


def test_events_of_labels_that_the_clip_lacks(written):
    for wrong in (event("eval", "/m/1"), event("eval", "/m/0", "c")):
        write_events(written, "eval", wrong)
        with pytest.raises(
            ValueError, match=r"eval/events.csv: id 'eval_._e': clip eval_. does not"
        ):
            check()


def test_an_event_after_the_end_of_its_clip(written):
    """As where times count from the start of the file that the clip lies in."""
    write_events(written, "eval", event("eval")._replace(start_seconds=43.0))
    with pytest.raises(
        ValueError, match=r"'eval_a_e': it starts at 43 s, .* from the clip's start"
    ):
        check()


def test_a_split_without_clips_or_table(written):
    written.clips("dev")
    with pytest.raises(ValueError, match="data/dev/clips.csv has no clips"):
        check()
    (written.data / "dev" / "clips.csv").unlink()
    with pytest.raises(ValueError, match="data/dev/clips.csv is missing; stage 0 writes it"):
        check()
    (written.data / "classes.csv").unlink()
    with pytest.raises(ValueError, match="data/classes.csv is missing; stage 0 writes it"):
        check()


def test_forbidden_pairs_hold_both_ways(written):
    assert Dataset().forbidden() == {}
    pairs = [ClassPair("1", "/m/0", "/m/1"), ClassPair("2", "/m/0", "/m/2")]
    write_table(written.data / "forbidden_pairs.csv", pairs, ClassPair)
    assert Dataset().forbidden() == {"/m/0": {"/m/1", "/m/2"}, "/m/1": {"/m/0"}, "/m/2": {"/m/0"}}


def test_a_table_is_read_once(written, monkeypatch):
    """With two million clips, reading takes longer than the work of one part."""
    dataset = Dataset()
    first = dataset.clips("train")
    write_events(written, "train", event("train"))
    assert dataset.events("train")
    (written.data / "train" / "clips.csv").unlink()
    (written.data / "train" / "events.csv").unlink()
    assert dataset.clips("train") is first
    assert dataset.clip_labels("train") == {
        "train_a": frozenset({"/m/0"}),
        "train_b": frozenset({"/m/0", "/m/1"}),
    }
    assert dataset.groups("train") == {"train_a"}
