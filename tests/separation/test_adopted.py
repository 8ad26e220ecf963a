"""A trained model in a recipe of other classes and another rate, beside a system of its own."""

import logging
import shutil

import numpy as np
import pytest
import torch
import yaml

import uss
from tests.helpers.flipped_weight import flip_a_weight
from tests.helpers.tiny_recipe import RATE as HERE
from tests.helpers.tiny_recipe import Recipe
from tests.helpers.training_recipe import RATE, SYSTEM
from uss.bin import adopt, average_embeddings, cli, evaluate, mixtures, report, train
from uss.data.anchor_set import AnchorSet
from uss.data.averages import read_average_embeddings
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.evaluation import metrics
from uss.model_store.adoption import read_adoption
from uss.recipe_config import check_system_names
from uss.schema import Evaluate
from uss.tables import Result, read_table
from uss.training.train_log import TrainLog

pytestmark = pytest.mark.slow

NUM_SAMPLES = HERE // 2  # half a second, as long as the segments of the model
EVALUATE = {"num_draws": 20, "summary": "mean", "reference": "own", "system_order": ["own", "far"]}


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A recipe of four classes at 8 kHz after stage 3, with one system of its own."""
    folder = tmp_path_factory.mktemp("adopting")
    recipe = Recipe(folder)
    recipe.balanced()
    for split in ("train", "dev", "eval"):
        anchors = AnchorSet(recipe.data / split).anchors
        recipe.anchors(split, sorted(anchors), num_samples=NUM_SAMPLES)
    counts = {f"num_{name}_per_class": 2 for name in ("query", "dev", "eval")}
    recipe.conf("anchors")
    recipe.conf("mixtures", num_train=8, **counts)
    recipe.conf("resample", sample_rate=HERE)
    recipe.conf("anchors", segment_seconds=0.5)
    recipe.conf("evaluate", **EVALUATE)
    recipe.conf("pretrained")
    recipe.conf("train", steps=2, batch_size=2)
    (folder / "conf" / "systems").mkdir()
    system = {**SYSTEM, "stft": {"window_size": 160, "hop_size": 80}}
    (folder / "conf" / "systems" / "own.yaml").write_text(yaml.safe_dump(system))
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        mixtures.main([])
    return folder


@pytest.fixture
def recipe(written, tmp_path, monkeypatch):
    folder = shutil.copytree(written, tmp_path / "recipe")
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture(scope="module")
def evaluated(written, experiment):
    """The recipe after stage 7 with the system `own`, and with `updated` (A-MAE) as `far`."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(written)
        patch.setattr(TrainLog, "plot", lambda self: None)
        adopt.main([str(experiment / "updated"), "--system", "far"])
        train.main(["--name", "default", "--systems", "own"])
        average_embeddings.main(["--name", "default"])
        evaluate.main(["--name", "default", "--systems", "far", "own"])
        report.main(["--name", "default", "--systems", "far", "own"])
    return written


def results(recipe, system):
    rows = read_table(recipe / "exp/default" / system / "results/part_0000.csv", Result)
    return {(row.mixture_id, row.embedding): row for row in rows}


def test_stage_7_measures_what_uss_separate_gives_at_the_recipe_s_rate(evaluated, monkeypatch):
    monkeypatch.chdir(evaluated)
    model = uss.load("exp/default/far")
    assert model.class_names == [f"name of /m/{number}" for number in range(4)]
    anchors = AnchorSet("data/eval")
    listed = MixtureList("data/mixtures/eval.csv", anchors)
    found = results(evaluated, "far")
    assert len(found) == 2 * len(listed) == 16
    for row, mixture in enumerate(listed.mixtures):
        batch = listed.batch([row])
        target, interferer = torch.from_numpy(batch.target), torch.from_numpy(batch.interferer)
        mixed = mix(target, interferer, "none").mixture
        class_id = anchors.anchors[listed.target_rows[row]].class_id
        queries = {"average": class_id, "oracle": model.example(target, HERE)}
        for embedding, query in queries.items():
            separated = model.separate(mixed, HERE, query)
            assert separated.shape == (1, NUM_SAMPLES)
            sdr = metrics.sdr(target, separated).item()
            assert found[mixture.mixture_id, embedding].sdr == pytest.approx(sdr, abs=2e-3)


def test_the_averages_are_by_its_own_panns(evaluated, experiment):
    own = read_average_embeddings(evaluated / "exp/default/average_embeddings.h5")
    adopted = read_average_embeddings(evaluated / "exp/default/far/average_embeddings.h5")
    assert own.class_id == adopted.class_id and adopted.num_targets.tolist() == [2] * 4
    assert (own.embedding.shape, adopted.embedding.shape) == ((4, 2), (4, 8))
    model = uss.load(experiment / "updated")
    anchors = AnchorSet(evaluated / "data/train")
    listed = MixtureList(evaluated / "data/mixtures/query.csv", anchors)
    rows = [r for r in listed.target_rows if anchors.anchors[r].class_id == "/m/2"]
    values = [model.example(x[None], HERE).values for x in anchors.signals(rows)]
    np.testing.assert_allclose(adopted.embedding[2], np.mean(values, axis=0), atol=1e-3)


def test_one_table_shows_both_and_says_where_it_comes_from(evaluated, experiment):
    table = (evaluated / "exp/default/table1.md").read_text()
    assert "| own | " in table and "| far | " in table and "gain over own" in table
    text = (evaluated / "exp/default/RESULTS.md").read_text()
    assert f"`far` was adopted from `{experiment / 'updated'}`" in text
    assert f"{RATE} Hz" in text
    assert {row.system for row in results(evaluated, "untrained").values()} == {"untrained"}


def test_uss_separate_takes_the_directory(evaluated, tmp_path, write, capsys):
    model = str(evaluated / "exp/default/far")
    path = write("street.wav", 0.1 * np.random.default_rng(0).standard_normal(3 * RATE), RATE)
    asked = ["separate", str(path), "--model", model, "--output", str(tmp_path / "out")]
    cli.main([*asked, "--class", "name of /m/3"])
    assert (tmp_path / "out/street/street_name_of_m_3.wav").exists()
    cli.main(["info", model])
    told = capsys.readouterr().out
    assert "adopted from: " in told and "--query: yes\n--auto: no: its detector" in told
    with pytest.raises(ValueError, match="its detector knows the classes of the recipe that"):
        uss.load(model).model.detector  # noqa: B018


def test_twice_does_nothing_and_it_is_never_overwritten(evaluated, experiment, monkeypatch, caplog):
    monkeypatch.chdir(evaluated)
    caplog.set_level(logging.INFO)
    folder = evaluated / "exp/default/far"
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    adopt.main([str(experiment / "updated"), "--system", "far"])
    assert f"skip exp/default/far: it was adopted from {experiment / 'updated'}" in caplog.text
    caplog.clear()
    average_embeddings.main(["--name", "default"])
    evaluate.main(["--name", "default", "--systems", "far", "own"])
    assert (
        "skip exp/default/far/average_embeddings.h5" in caplog.text and "run exp" not in caplog.text
    )
    for other, message in (("far", "is another model, or was trained on since"), ("own", "holds")):
        with pytest.raises(ValueError, match=message):
            adopt.main([str(experiment / "resunet"), "--system", other, "--conf", "."])
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before


def test_an_interrupted_or_damaged_adoption_is_finished(recipe, experiment, caplog):
    source = shutil.copytree(experiment / "resunet", recipe / "source")
    adopt.main([str(source), "--system", "far", "--name", "one"])
    folder = recipe / "exp/one/far"
    assert (folder / "panns.pt").samefile(source / "panns.pt")
    (folder / "config.yaml").unlink()
    (folder / "panns.pt").unlink()
    shutil.copy(source / "panns.pt", folder / "panns.pt")
    flip_a_weight(folder / "panns.pt")
    (checkpoint,) = (folder / "checkpoints").iterdir()
    checkpoint.unlink()
    adopt.main([str(source), "--system", "far", "--name", "one"])
    assert "panns.pt is not the file that was adopted, and is written again" in caplog.text
    assert (folder / "panns.pt").samefile(source / "panns.pt")
    assert (folder / "config.yaml").read_text() == (source / "config.yaml").read_text()
    checkpoint.unlink()
    with pytest.raises(ValueError, match=f"adopt it again: .*{source} --system far --name one"):
        evaluate.main(["--name", "one", "--systems", "far"])


def test_what_cannot_be_adopted_is_said(recipe, experiment):
    name = ["--name", "one"]
    source = shutil.copytree(experiment / "resunet", recipe / "source")
    for system, message in (
        ("own", "own.yaml is a system that this recipe trains; choose another --system"),
        ("untrained", "--system 'untrained' names a folder"),
        ("a/b", "--system 'a/b' names a folder"),
    ):
        with pytest.raises(ValueError, match=message):
            adopt.main([str(source), "--system", system, *name])
    with pytest.raises(ValueError, match="--name '../two' names a folder below exp/"):
        adopt.main([str(source), "--system", "far", "--name", "../two"])
    with pytest.raises(ValueError, match="is no model directory"):
        adopt.main(["nowhere", "--system", "far", *name])
    (source / "panns.pt").unlink()
    with pytest.raises(ValueError, match="has no panns.pt, .*; stage 6 of its own recipe"):
        adopt.main([str(source), "--system", "far", *name])
    assert not (recipe / "exp" / "one").exists()


def test_it_says_the_rate_and_what_is_next(recipe, experiment, caplog):
    caplog.set_level(logging.INFO)
    adopt.main([str(experiment / "resunet"), "--system", "far", "--name", "one"])
    assert f"separates at {RATE} Hz, and this recipe has {HERE} Hz" in caplog.text
    assert "./run.sh --stage 6 --name one --systems far" in caplog.text
    record = read_adoption(recipe / "exp/one/far")
    assert record.segment_samples == RATE // 2
    assert record.files.keys() == {"config.yaml", "panns.pt", "checkpoints/step_00000015.pt"}


def test_other_classes_ask_for_stage_6(evaluated, recipe, monkeypatch):
    shutil.copytree(evaluated / "exp", recipe / "exp", dirs_exist_ok=True)
    shutil.rmtree(recipe / "exp/default/far/results")
    Recipe(recipe).classes("/m/3", "/m/2", "/m/1", "/m/0")
    with pytest.raises(ValueError, match="far/average_embeddings.h5 has averages of other classes"):
        evaluate.main(["--name", "default", "--systems", "far"])


def test_evaluate_yaml_may_name_it(evaluated):
    check_system_names(evaluated / "conf", Evaluate(reference="far", figure2_systems=["own"]))
    with pytest.raises(
        ValueError, match="reference names 'nobody'; conf/systems/ has: own; adopted: far"
    ):
        check_system_names(evaluated / "conf", Evaluate(reference="nobody"))
