"""Stage 7's measuring: levels, embeddings, examples."""

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.data.tiny_recipe import RATE
from uss import audio
from uss.bin import mixtures
from uss.data.anchors import AnchorSet
from uss.data.averages import average_embeddings
from uss.data.dataset import Dataset
from uss.data.mixing import energy_match
from uss.data.mixtures import MixtureList
from uss.evaluation import scoring
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
    recipe.conf("mixtures", num_train=4, num_query_per_class=2, num_eval_per_class=2)
    mixtures.main([])
    return MixtureList("data/mixtures/eval.csv", AnchorSet("data/eval"))


def score(evaluated, estimator, normalization="none", rows=range(8), batch_size=3, examples=None):
    return scoring.score(
        "x", estimator, normalization, evaluated, rows, CLASS_IDS, batch_size, CPU, examples or {}
    )


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
    conditions = []

    def forward(mixture, condition, features):
        assert not torch.is_grad_enabled()
        conditions.append(condition.numpy())
        return mixture

    monkeypatch.setattr(separator, "forward", forward)
    results = score(evaluated, scoring.separator_estimates(separator, averages), "joint")
    assert len(results) == 16
    own, mean = conditions[0], conditions[1]
    np.testing.assert_array_equal(own, evaluated.batch(range(3)).embedding)
    classes = [CLASS_IDS.index(row.class_id) for row in results[:3]]
    np.testing.assert_array_equal(mean, averages.embedding[classes])


def test_examples_of_a_real_separator(evaluated, separator, averages, tmp_path):
    estimator = scoring.separator_estimates(separator, averages)
    folder = tmp_path / "examples" / "one"
    score(evaluated, estimator, "joint", examples={4: folder})
    assert sorted(path.name for path in folder.iterdir()) == ["mixture.wav", "target.wav", "x.wav"]
    target, mixture = anchors_and_mixture(evaluated, 4)
    np.testing.assert_allclose(audio.decode(folder / "mixture.wav")[0], mixture, atol=1e-6)
    np.testing.assert_allclose(audio.decode(folder / "target.wav")[0], target, atol=1e-6)
    waveform, rate = audio.decode(folder / "x.wav")
    assert (waveform.shape, rate) == ((1, 800), RATE)
    classes = [CLASS_IDS.index(evaluated.anchors.anchors[evaluated.target_rows[4]].class_id)]
    condition = torch.from_numpy(averages.embedding[classes])
    peak = mixture.abs().max()
    with torch.no_grad():
        expected = separator(mixture / peak, condition) * peak
    np.testing.assert_allclose(waveform, expected, atol=1e-5)  # what a user has: the average


def test_the_bound_uses_the_truth_and_is_one_row_a_mixture(evaluated):
    results = score(evaluated, scoring.ideal_estimates(System(stft=Stft(64, 32)), CPU))
    assert len(results) == 8
    assert min(row.sdri for row in results) > 3


def test_no_folder_is_made_for_other_rows(evaluated, tmp_path):
    score(evaluated, answer(lambda m: m.mixture), rows=range(4), examples={6: Path("never")})
    assert not Path("never").exists()
