"""Stage 7's measuring: levels, embeddings, examples."""

import numpy as np
import pytest
import torch

from tests.helpers.tiny_recipe import RATE
from uss.bin import mixtures
from uss.data.anchor_set import AnchorSet
from uss.data.averages import average_embeddings
from uss.data.dataset import Dataset
from uss.data.mixing import Mix, energy_match
from uss.data.mixture_list import MixtureList
from uss.evaluation import scoring
from uss.evaluation.cross_check import CrossCheck
from uss.models.mae_resunet import build_separator
from uss.schema import Stft, System
from uss.tables import Anchor, read_table

CPU = torch.device("cpu")
CLASS_IDS = ["/m/0", "/m/1", "/m/2", "/m/3"]


@pytest.fixture
def evaluated(recipe):
    """The evaluation list: 8 mixtures of noise."""
    recipe.balanced()
    for split in ("train", "eval"):
        anchors = read_table(f"data/{split}/anchors.csv", Anchor)
        recipe.anchors(split, anchors, num_samples=800)
    recipe.conf("anchors")
    recipe.conf("mixtures", num_train=4, num_query_per_class=2, num_eval_per_class=2)
    mixtures.main([])
    return MixtureList("data/mixtures/eval.csv", AnchorSet("data/eval"))


def separations(evaluated, estimator, normalization="none", rows=range(8), batch_size=3):
    return scoring.separations(
        estimator, normalization, evaluated, rows, CLASS_IDS, batch_size, CPU
    )


def score(evaluated, *options, **more_options):
    batches = separations(evaluated, *options, **more_options)
    return scoring.score("x", batches, evaluated, CrossCheck(set()))


def answer(function):
    def estimate(mixed, batch, classes):
        yield "oracle", function(mixed)

    return estimate


def anchors_and_mixture(evaluated, row):
    batch = evaluated.batch([row])
    target, interferer = torch.from_numpy(batch.target), torch.from_numpy(batch.interferer)
    return target, target + energy_match(target, interferer)


def decibels(reference, error):
    return 10 * torch.log10(reference.square().mean() / error.square().mean()).item()


@pytest.mark.parametrize("normalization", ["none", "joint"])
def test_half_the_mixture_at_the_recordings_level(evaluated, normalization):
    results = score(evaluated, answer(lambda mixed: mixed.mixture / 2), normalization)
    assert [row.mixture_id for row in results] == [m.mixture_id for m in evaluated.mixtures]
    for row, result in enumerate(results):
        target, mixture = anchors_and_mixture(evaluated, row)
        sdr = decibels(target, target - mixture / 2)
        assert result.sdr == pytest.approx(sdr, abs=1e-3)
        assert result.sdri == pytest.approx(sdr - decibels(target, target - mixture), abs=1e-3)
        anchor = evaluated.anchors.anchors[evaluated.target_rows[row]]
        assert (result.class_id, result.group) == (anchor.class_id, anchor.group)
        assert (result.system, result.embedding) == ("x", "oracle")


@pytest.mark.parametrize("normalization", ["none", "joint", "per_signal"])
def test_the_mixture_itself_gains_nothing(evaluated, normalization):
    results = score(evaluated, answer(lambda mixed: mixed.mixture), normalization)
    assert [row.sdri for row in results] == pytest.approx([0.0] * 8, abs=1e-3)


def test_per_signal_is_measured_against_what_it_was_asked_for(evaluated):
    results = score(evaluated, answer(lambda mixed: mixed.target), "per_signal")
    assert min(row.sdr for row in results) > 60


def test_rows_and_batches_do_not_matter(evaluated):
    estimator = answer(lambda mixed: mixed.mixture * 0.7)
    whole = score(evaluated, estimator)
    assert score(evaluated, estimator, batch_size=8) == whole
    assert score(evaluated, estimator, rows=range(2, 7)) == whole[2:7]


@pytest.fixture
def separator():
    system = System(normalization="joint", stft=Stft(64, 32), channels=[2, 2])
    return build_separator(system, 2, RATE).eval()


@pytest.fixture
def averages():
    query = MixtureList("data/mixtures/query.csv", AnchorSet("data/train"))
    return average_embeddings(query, Dataset().classes)


def test_a_separator_gets_the_targets_own_and_its_classs_average_embedding(
    evaluated, separator, averages, monkeypatch
):
    queries = []

    def masked(spectrum, query, features):
        assert not torch.is_grad_enabled()
        queries.append(query.numpy())
        return spectrum

    monkeypatch.setattr(separator, "masked", masked)
    results = score(evaluated, scoring.separator_estimates(separator, averages), "joint")
    assert len(results) == 16
    own, mean = queries[0], queries[1]
    np.testing.assert_array_equal(own, evaluated.batch(range(3)).embedding)
    classes = [CLASS_IDS.index(row.class_id) for row in results[:3]]
    np.testing.assert_array_equal(mean, averages.embedding[classes])


def test_both_queries_share_the_transform_and_give_what_each_gives_alone(
    evaluated, separator, averages, monkeypatch
):
    alone = separator.forward
    transformed = []
    stft = separator.stft.forward
    monkeypatch.setattr(separator.stft, "forward", lambda x: transformed.append(x) or stft(x))
    batch = evaluated.batch([0, 1, 2])
    mixed = Mix(torch.from_numpy(batch.target), torch.from_numpy(batch.target), torch.ones(3, 1))
    with torch.inference_mode():
        estimate = scoring.separator_estimates(separator, averages)
        found = dict(estimate(mixed, batch, np.array([0, 0, 1])))
        assert len(transformed) == 1
        for name, query in ("oracle", batch.embedding), ("average", averages.embedding[[0, 0, 1]]):
            assert torch.equal(found[name], alone(mixed.mixture, torch.from_numpy(query)))


def test_signals_of_some_rows(evaluated, separator, averages):
    """What the examples are made of."""
    estimator = scoring.separator_estimates(separator, averages)
    first, second = separations(evaluated, estimator, "joint", rows=[6, 4])
    assert (first.embedding, second.embedding) == ("oracle", "average")
    assert first.rows == second.rows == [6, 4]
    target, mixture = anchors_and_mixture(evaluated, 4)
    np.testing.assert_allclose(second.mixture[1:], mixture, atol=1e-6)
    np.testing.assert_allclose(second.target[1:], target, atol=1e-6)
    classes = [CLASS_IDS.index(evaluated.anchors.anchors[evaluated.target_rows[4]].class_id)]
    query = torch.from_numpy(averages.embedding[classes])
    peak = mixture.abs().max()
    with torch.no_grad():
        expected = separator(mixture / peak, query) * peak
    np.testing.assert_allclose(second.estimate[1:], expected, atol=1e-5)


@pytest.mark.parametrize("normalization", ["none", "joint", "per_signal"])
def test_museval_agrees_on_the_sampled_rows(evaluated, normalization):
    batches = separations(evaluated, answer(lambda mixed: 0.7 * mixed.mixture), normalization)
    check = CrossCheck({0, 4, 7})
    assert len(scoring.score("x", batches, evaluated, check)) == 8
    assert check.num == 3 and check.max_difference < 1e-6


def test_the_bound_uses_the_truth_and_is_one_row_a_mixture(evaluated):
    results = score(evaluated, scoring.ideal_estimates(System(stft=Stft(64, 32)), CPU))
    assert len(results) == 8
    assert min(row.sdri for row in results) > 3
