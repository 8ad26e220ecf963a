from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from egs.debian_sounds.experiments.amae_gain import swap_features
from uss.data.mixing import Mix
from uss.evaluation.statistics import Strata
from uss.schema import Evaluate


class Follower(nn.Module):
    """A separator whose output is its features, one number a mixture, plus its query."""

    def amae(self, mixture):
        return mixture.mean(dim=1, keepdim=True)

    def forward(self, mixture, query, features):
        return features + query


def test_each_mixture_gets_the_features_of_another():
    level = torch.tensor([[1.0], [2.0], [3.0]])
    mixed = Mix(mixture=level.expand(3, 4), target=None, scale=torch.ones(3, 1))
    average = np.array([[10.0], [20.0]], np.float32)
    estimates = swap_features.swapping(Follower(), average)
    found = dict(estimates(mixed, None, np.array([0, 1, 1])))
    assert found["own"].tolist() == [[11.0], [22.0], [23.0]]
    assert found["swapped"].tolist() == [[13.0], [21.0], [22.0]]


def test_the_difference_is_paired():
    own = np.array([9.0, 9.0, 5.0, 1.0])
    strata = Strata(["a", "a", "b", "b"], ["a0", "a0", "b0", "b1"])
    config = Evaluate(summary="mean", num_draws=100)
    found = swap_features.summarise(np.stack([own, own - 0.5]), strata, config)
    assert found["own"].value == pytest.approx(6.0)
    assert found["own"].high - found["own"].low > 1
    difference = found["difference"]
    assert (difference.value, difference.low, difference.high) == pytest.approx((-0.5,) * 3)


def test_a_system_without_features_is_refused(monkeypatch, tmp_path):
    loaded = SimpleNamespace(separator=SimpleNamespace(amae=None))
    monkeypatch.setattr(swap_features, "load_separator", lambda directory: loaded)
    with pytest.raises(ValueError, match="has no A-MAE features to swap"):
        swap_features.measure(tmp_path, Evaluate())
