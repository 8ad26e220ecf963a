"""Stage 3 end to end on tiny tables, and reading its lists."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.helpers.tiny_recipe import anchors_of, clip, run_without_torch
from uss.bin import mixtures
from uss.data.anchor_set import AnchorSet
from uss.data.dataset import Dataset
from uss.data.mixture_list import MixtureList
from uss.files import read_facts
from uss.tables import Anchor, ClassPair, Event, Mixture, read_table, write_table

LISTS = ("train", "query", "dev", "eval")


@pytest.fixture
def written(recipe):
    recipe.balanced()
    recipe.conf(
        "mixtures",
        num_train=50,
        num_query_per_class=4,
        num_dev_per_class=2,
        num_eval_per_class=3,
    )
    recipe.conf("anchors")
    return recipe


def listed(recipe, name):
    return read_table(recipe.data / "mixtures" / f"{name}.csv", Mixture)


def contents(recipe):
    return {
        path.name: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in (recipe.data / "mixtures").iterdir()
    }


def test_all_lists(written):
    mixtures.main([])
    sizes = {name: len(listed(written, name)) for name in LISTS}
    assert sizes == {"train": 50, "query": 16, "dev": 8, "eval": 12}
    assert not (written.data / "mixtures" / "eval_sed.csv").exists()
    for name in LISTS:
        split = {"query": "train"}.get(name, name)
        labels = Dataset().clip_labels(split)
        by_id = {row.anchor_id: row for row in read_table(f"data/{split}/anchors.csv", Anchor)}
        for row in listed(written, name):
            target, interferer = by_id[row.target_anchor], by_id[row.interferer_anchor]
            assert target.class_id not in labels[interferer.clip_id]


def test_a_second_run_does_nothing_and_says_why(written, caplog):
    mixtures.main([])
    before = contents(written)
    caplog.clear()
    caplog.set_level("INFO")
    mixtures.main([])
    assert contents(written) == before
    assert len(caplog.messages) == 4
    assert all(message.startswith("skip data/mixtures/") for message in caplog.messages)


def test_what_changes_runs_again_and_nothing_else(written, caplog):
    mixtures.main([])
    caplog.set_level("INFO")

    def run(*options):
        caplog.clear()
        mixtures.main(list(options))
        return [m.split()[1].rstrip(":") for m in caplog.messages if m.startswith("run ")]

    assert run("--set=mixtures.num_dev_per_class=1") == ["data/mixtures/dev.csv"]
    assert run() == ["data/mixtures/dev.csv"]
    assert run("--set=mixtures.seed=1") == [f"data/mixtures/{name}.csv" for name in LISTS]
    run()
    pair = ClassPair("1", "/m/0", "/m/1")
    write_table(written.data / "forbidden_pairs.csv", [pair], ClassPair)
    assert len(run()) == 4
    written.anchors("dev", read_table("data/dev/anchors.csv", Anchor)[:-1])
    assert run() == ["data/mixtures/dev.csv"]


def test_lists_by_the_rules_of_before_are_drawn_again_once(written, caplog):
    mixtures.main([])
    for name in LISTS:
        record = Path(f"data/mixtures/{name}.csv.meta.json")
        meta = json.loads(record.read_text())
        assert meta["settings"].pop("lists") == 2
        record.write_text(json.dumps(meta))
    caplog.set_level("INFO")
    caplog.clear()
    mixtures.main([])
    reasons = [f"run data/mixtures/{name}.csv: changed setting: lists (new)" for name in LISTS]
    assert [m for m in caplog.messages if m.startswith("run ")] == reasons
    caplog.clear()
    mixtures.main([])
    assert all(message.startswith("skip ") for message in caplog.messages)


def test_the_training_list_is_a_prefix(written):
    mixtures.main([])
    before = listed(written, "train")
    mixtures.main(["--set=mixtures.num_train=80"])
    assert listed(written, "train")[:50] == before


def test_the_training_list_may_be_as_long_as_the_training(written):
    mixtures.main([])
    before = listed(written, "train")
    written.conf("train", steps=30, batch_size=3)
    mixtures.main(["--set=mixtures.num_train=null"])
    assert len(listed(written, "train")) == 90 and listed(written, "train")[:50] == before
    mixtures.main(["--set=mixtures.num_train=null", "--set=train.steps=10"])
    assert listed(written, "train") == before[:30]


def test_forbidden_pairs(written):
    pair = ClassPair("1", "/m/2", "/m/3")
    write_table(written.data / "forbidden_pairs.csv", [pair], ClassPair)
    mixtures.main([])
    by_id = {row.anchor_id: row for row in read_table("data/train/anchors.csv", Anchor)}
    for row in listed(written, "train"):
        met = {by_id[row.target_anchor].class_id, by_id[row.interferer_anchor].class_id}
        assert met != {"/m/2", "/m/3"}


def test_detected_anchors_have_a_list_of_their_own(written):
    anchors = read_table("data/eval/anchors.csv", Anchor)
    written.anchors("eval", anchors, name="sed_anchors")
    event = Event("e", anchors[0].clip_id, anchors[0].class_id, 0.0, 0.5, "g")
    write_table(written.data / "eval" / "events.csv", [event], Event)
    mixtures.main([])
    sed, true = listed(written, "eval_sed"), listed(written, "eval")
    assert [row.target_anchor for row in sed] == [row.target_anchor for row in true]
    assert [row.interferer_anchor for row in sed] != [row.interferer_anchor for row in true]
    mixtures.main(["--set=anchors.method=events"])  # then there are none, and no list of them
    assert [path.name for path in Path("data/mixtures").glob("eval*.csv")] == ["eval.csv"]


def test_classes_without_anchors_are_reported(written, caplog):
    written.classes("/m/0", "/m/1", "/m/2", "/m/3", "/m/4")
    mixtures.main([])
    assert (
        "data/mixtures/eval.csv: no mixtures of 1 classes, which have no anchors: /m/4 (name of "
        "/m/4); all of them: data/mixtures/eval.csv.meta.json"
    ) in caplog.messages
    facts = read_facts(written.data / "mixtures" / "eval.csv")
    assert facts["num_classes"] == 4 and facts["missing_classes"] == ["/m/4"]


def test_classes_with_few_anchors_are_reported_with_what_was_done(written, caplog):
    mixtures.main(["--set=mixtures.num_eval_per_class=4"])
    few = {"/m/3": 3}  # /m/0 and /m/2 have 4, /m/1 has 5
    facts = read_facts(written.data / "mixtures" / "eval.csv")
    assert facts["num_anchors_of_classes_with_few"] == few
    assert (
        "data/mixtures/eval.csv: 1 classes have fewer than 4 anchors (/m/3 has 3): their targets "
        "come again, each as often as the others, with another interferer"
    ) in caplog.messages
    targets = [row.target_anchor for row in listed(written, "eval") if row.mixture_id[:3] == "003"]
    assert len(targets) == 4 and len(set(targets)) == 3


def test_missing_inputs_name_their_stage(written):
    (written.data / "dev" / "anchors.csv").unlink()
    with pytest.raises(ValueError, match="data/dev/anchors.csv is missing; stage 2 writes it"):
        mixtures.main([])
    (written.data / "classes.csv").unlink()
    with pytest.raises(ValueError, match="data/classes.csv is missing; stage 0 writes it"):
        mixtures.main([])


def test_no_interferer_stops_the_stage(written):
    clips = [clip("eval_a", "/m/0"), clip("eval_b", "/m/0 /m/1")]
    written.clips("eval", *clips)
    written.anchors("eval", anchors_of(clips))
    with pytest.raises(ValueError, match="class /m/0 finds no interferer"):
        mixtures.main([])
    assert not (written.data / "mixtures" / "eval.csv").exists()


def test_a_batch_of_a_list(written):
    mixtures.main([])
    anchors = AnchorSet(written.data / "train")
    train = MixtureList("data/mixtures/train.csv", anchors)
    rows = [31, 2, 2]
    batch = train.batch(rows)
    for number, row in enumerate(rows):
        mixture = train.mixtures[row]
        target = anchors.row_of[mixture.target_anchor]
        interferer = anchors.row_of[mixture.interferer_anchor]
        expected = anchors.waveforms([target])[0] / np.float32(32767)
        np.testing.assert_array_equal(batch.target[number], expected)
        np.testing.assert_array_equal(
            batch.interferer[number], anchors.waveforms([interferer])[0] / np.float32(32767)
        )
        assert batch.embedding[number].tolist() == [target, target]
    assert [array.dtype for array in batch] == [np.float32] * 4


def test_lists_and_anchors_that_do_not_belong_together(written):
    mixtures.main([])
    anchors = read_table("data/train/anchors.csv", Anchor)
    write_table("data/train/anchors.csv", anchors[:-1], Anchor)
    with pytest.raises(ValueError, match="anchors.csv and .* hold different anchors.*stage 2"):
        AnchorSet(written.data / "train")
    written.anchors("train", anchors[1:-1])
    with pytest.raises(ValueError, match="train.csv: anchor 'train_.*' is not in .*--stage 3"):
        MixtureList("data/mixtures/train.csv", AnchorSet(written.data / "train"))


def test_stage_3_needs_no_torch(written):
    run_without_torch("mixtures")
    assert len(listed(written, "train")) == 50
