"""The fusion `film`: docs/method.md, section 5."""

import math

import pytest
import torch

from tests.helpers.small_networks import AMAE, QUERY_SIZE, noise, separator, trained_biases
from uss.models.audio_mae import PATCH
from uss.models.film_fusion import patches_to_bins
from uss.models.filterbank import Filterbank
from uss.models.local_bias import SIZE, LocalBias, TokenGrid

QUERY = torch.rand(4, QUERY_SIZE, generator=torch.Generator().manual_seed(2))


@torch.no_grad()
@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("features", ["aligned", "log_mel"])
def test_before_training_it_is_the_baseline(features, training):
    baseline = separator("none").train(training)
    film = separator(features, "film").train(training)
    assert torch.equal(baseline(noise(4), QUERY), film(noise(4), QUERY))


@torch.no_grad()
@pytest.mark.parametrize("features", ["aligned", "log_mel"])
def test_an_exchange_of_features_changes_every_quarter_of_the_mask(features):
    model = trained_biases(separator(features, "film")).eval()
    mixture = noise(4)
    tokens = model.amae(mixture)
    magnitude = model.stft(mixture).abs()
    own, other = (model.network(magnitude, QUERY, x) for x in (tokens, tokens.roll(1, dims=0)))
    quarters = [mask[..., :-1].chunk(4, dim=3) for mask in (own, other)]
    for one, two in zip(*quarters, strict=True):
        assert (one - two).square().mean().sqrt() > 0.01 * one.std()


@torch.no_grad()
def test_what_is_asked_for_changes_what_the_tokens_say():
    fusion = separator("aligned", "film").eval().network.film_fusion
    tokens = torch.randn(1, 13, 8, AMAE.width)
    one, two = (fusion(tokens, query[None], 224).values for query in QUERY[:2])
    assert torch.equal(one[:, :SIZE], two[:, :SIZE])
    assert not torch.allclose(one[:, SIZE:], two[:, SIZE:])


@pytest.mark.parametrize("sample_rate, num_bins", [(16000, 512), (32000, 512), (8000, 128)])
def test_a_tone_lies_in_the_bins_of_its_patch(sample_rate, num_bins):
    """The patch in which the filterbank has most of a tone is the one that counts most there."""
    to_bins = patches_to_bins(AMAE, sample_rate, num_bins)
    assert torch.allclose(to_bins.sum(dim=0), torch.ones(num_bins))
    filterbank = Filterbank(AMAE.sample_rate, AMAE.mel_bins)
    time = torch.arange(AMAE.sample_rate) / AMAE.sample_rate
    for bin_ in range(num_bins // 64, num_bins, num_bins // 16):
        hertz = bin_ * sample_rate / 2 / num_bins
        if hertz > AMAE.sample_rate / 2 - 200:
            assert to_bins[-1, bin_] == 1
            continue
        tone = torch.sin(2 * math.pi * hertz * time)[None]
        loudest = int(filterbank(tone).mean(dim=(0, 1)).argmax()) // PATCH
        weights = to_bins[:, bin_]
        assert weights[loudest] >= 0.45, (hertz, loudest, weights)


@torch.no_grad()
@pytest.mark.parametrize("factor", [1, 2, 16, 32])
def test_a_column_lasts_sixteen_frames(factor):
    values = torch.zeros(1, 2 * SIZE, 13, 8)
    values[:, :, 5] = 1.0
    local = LocalBias(3)
    torch.nn.init.ones_(local.projection.weight)
    grid = TokenGrid(values, patches_to_bins(AMAE, 16000, 64), 224)
    bias = local(grid, 224 // factor, 64 // factor)
    assert bias.shape == (1, 3, 224 // factor, 64 // factor)
    (frames,) = torch.nonzero(bias[0, 0, :, 0], as_tuple=True)
    first, last = 5 * PATCH // factor, (6 * PATCH - 1) // factor
    assert frames.tolist() == list(range(first, last + 1))
    assert torch.allclose(bias[0, 0, first], torch.tensor(2.0 * SIZE / max(1, factor // PATCH)))
