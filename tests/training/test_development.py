"""What stage 5 measures on development mixtures while it trains, and what that leaves alone."""

from pathlib import Path

import numpy as np
import pytest
import torch

from uss.bin import train
from uss.data.anchor_set import AnchorSet
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.evaluation import metrics
from uss.labels import read_classes
from uss.layout import CLASSES
from uss.model_store import checkpoint
from uss.model_store.loading import load_separator
from uss.model_store.log_file import read_log
from uss.schema import SeparatorTraining
from uss.training import development
from uss.training.development import Development

DEV = Path("data/mixtures/dev.csv")


def run(name, system="resunet", **settings):
    overrides = [f"--set=train.{key}={value}" for key, value in settings.items()]
    train.main(["--name", name, "--systems", system, *overrides])
    return Path("exp") / name / system


def watched(directory, **values):
    """As stage 5 makes it, of the trained model."""
    loaded = load_separator(directory)
    mixtures = MixtureList(DEV, AnchorSet("data/dev"))
    training = SeparatorTraining(**{"steps": 1, "log_steps": 1, "dev_steps": 1, **values})
    cpu = torch.device("cpu")
    anchors = AnchorSet("data/train")
    return Development(loaded.separator, mixtures, anchors, read_classes(CLASSES), training, cpu)


def test_lines_have_the_figures_as_often_as_asked(recipe):
    lines = read_log(run("one", steps=13, log_steps=2, dev_steps=4) / "train.jsonl")
    has = [line["step"] for line in lines if {"dev_sdri", "dev_si_sdr"} <= line.keys()]
    assert has == [4, 8, 12, 13]  # and at the end


@pytest.mark.parametrize("settings", [{}, {"weights_average": 0.9, "fixed_statistics_steps": 6}])
def test_the_training_is_the_same_with_and_without(recipe, settings):
    states = [
        checkpoint.load_newest(run(f"every_{steps}", steps=10, dev_steps=steps, **settings))
        for steps in (0, 5)
    ]
    for key in {"model", "last_weights"} & states[0].keys():
        for name, tensor in states[0][key].items():
            assert torch.equal(tensor, states[1][key][name]), name
    for index, values in states[0]["optimizer"]["state"].items():
        for name, tensor in values.items():
            assert torch.equal(tensor, states[1]["optimizer"]["state"][index][name])


def test_the_last_figures_are_those_of_the_trained_model_with_the_class_mean(recipe):
    """Against the evaluation's own metrics; the fixture's embeddings are one-hot, so are means."""
    directory = run("one", steps=10, dev_steps=5)
    loaded, mixtures = load_separator(directory), MixtureList(DEV, AnchorSet("data/dev"))
    batch = mixtures.batch(range(len(mixtures)))
    target, interferer, query = (
        torch.from_numpy(array) for array in (batch.target, batch.interferer, batch.embedding)
    )
    mixed = mix(target, interferer, loaded.system.normalization)
    with torch.no_grad():
        estimate = loaded.separator(mixed.mixture, query)
    sdri = metrics.sdri(mixed.target, estimate, mixed.mixture).mean().item()
    si_sdr = metrics.si_sdr(mixed.target, estimate).mean().item()
    last = read_log(directory / "train.jsonl")[-1]
    assert last["dev_sdri"] == pytest.approx(sdri, abs=1e-3)
    assert last["dev_si_sdr"] == pytest.approx(si_sdr, abs=1e-3)


def test_a_system_with_cached_features_is_heard_with_live_ones(amae):
    line = read_log(run("one", "frozen", steps=5, dev_steps=5) / "train.jsonl")[-1]
    assert np.isfinite(line["dev_sdri"])


def test_the_query_is_the_mean_over_the_training_anchors_of_the_class(recipe):
    watch = watched(run("one", steps=1))
    anchors = AnchorSet("data/train")
    for row, query in zip(watch.rows, watch.queries, strict=True):
        class_id = watch.mixtures.anchors.anchors[watch.mixtures.target_rows[row]].class_id
        of_class = [r for r, anchor in enumerate(anchors.anchors) if anchor.class_id == class_id]
        np.testing.assert_allclose(query, anchors.embeddings(of_class).mean(axis=0), rtol=1e-6)


def test_a_long_list_is_spread_and_a_class_that_is_not_trained_counted(recipe, monkeypatch, caplog):
    caplog.set_level("INFO")
    directory = run("one", steps=1)
    monkeypatch.setattr(development, "NUM_MIXTURES", 3)
    assert watched(directory).rows.tolist() == [0, 2, 5]
    table = Path("data/dev/anchors.csv")
    table.write_text(table.read_text().replace("/m/2", "/m/9"))
    watch = watched(directory)
    assert watch.rows.tolist() == [0, 1, 3]
    assert "3 of 6 mixtures every 1 steps; 2 have targets of classes without" in caplog.text
    table.write_text(table.read_text().replace("/m/", "/n/"))
    with pytest.raises(ValueError, match="dev.csv has no mixture .* train.dev_steps to 0"):
        watched(directory)


def test_examples_are_named_and_whole(recipe):
    watch = watched(run("one", steps=1), batch_size=3)
    with torch.no_grad():
        examples = watch.examples()
    assert [example.name for example in examples] == [
        f"{row:08d} class {row // 2}" for row in (0, 1, 3, 5)
    ]
    samples = AnchorSet("data/dev").num_samples
    for example in examples:
        assert list(example.signals) == ["mixture", "target", "separated"]
        assert all(signal.shape == (samples,) for signal in example.signals.values())
        assert np.abs(example.signals["mixture"]).max() == pytest.approx(1)  # Eq. 2


def test_settings_that_cannot_be_met(recipe, capsys):
    with pytest.raises(SystemExit):
        run("one", steps=10, dev_steps=7)
    assert "dev_steps is 7, must be a multiple of log_steps (5)" in capsys.readouterr().err
    DEV.unlink()
    with pytest.raises(ValueError, match="dev.csv.*stage 3 writes it"):
        run("one", steps=10, dev_steps=5)
    run("one", steps=10)  # does not read it


def test_dev_steps_may_change_while_a_training_goes_on(recipe):
    run("one", steps=5)
    lines = read_log(run("one", steps=10, dev_steps=5) / "train.jsonl")
    assert ["dev_sdri" in line for line in lines] == [False, True]


def test_a_list_of_imported_levels_is_added_as_it_is(recipe):
    watch = watched(run("one", steps=1))
    watch.mixtures.anchors.at_mixture_level = True
    mixed, _ = next(watch._separated(np.array([0])))
    batch = watch.mixtures.batch([0])
    mixture = batch.target + batch.interferer
    np.testing.assert_allclose(mixed.mixture, mixture / np.abs(mixture).max(), rtol=1e-6)
