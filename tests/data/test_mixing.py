"""Energy matching and normalisation: the published mixer, and Eq. 2 in its three readings."""

from pathlib import Path

import numpy as np
import pytest
import torch

from uss.data.mixing import energy_match, mix

FIXTURE = Path(__file__).parents[1] / "fixtures" / "mixer.npz"


def test_the_published_mixer_exactly():
    fixture = np.load(FIXTURE)
    segments = torch.from_numpy(fixture["segments"])
    found = mix(segments, segments.roll(-1, dims=0), "none")
    np.testing.assert_array_equal(
        found.mixture[:, ::40].numpy(), fixture["mixtures_every_40th_sample"]
    )
    np.testing.assert_array_equal(
        found.target[:, ::40].numpy(), fixture["targets_every_40th_sample"]
    )


def signals(*levels):
    """(len(levels), 1000) noise of the given mean squares."""
    noise = torch.randn(len(levels), 1000, generator=torch.manual_seed(0), dtype=torch.float64)
    noise /= noise.square().mean(dim=1, keepdim=True).sqrt()
    return noise * torch.tensor(levels, dtype=torch.float64).sqrt()[:, None]


def test_energies_match_within_the_gains_range():
    target, interferer = signals(1e-2, 1e-2, 1e-8, 1.0, 0.0), signals(1e-2, 4e-4, 1.0, 1e-9, 1e-2)
    gain = energy_match(target, interferer)[:, 0] / interferer[:, 0]
    torch.testing.assert_close(gain, torch.tensor([1.0, 5.0, 0.02, 50.0, 0.02]).double())


def test_a_silent_interferer_stays_silent():
    matched = energy_match(signals(1.0), torch.zeros(1, 1000, dtype=torch.float64))
    assert matched.abs().max() == 0


@pytest.mark.parametrize("normalization", ["none", "joint", "per_signal"])
def test_scale_restores_the_level(normalization):
    target, interferer = signals(1e-2, 4.0), signals(1.0, 1e-3)
    found = mix(target, interferer, normalization)
    mixture = target + energy_match(target, interferer)
    assert found.scale.shape == (2, 1)
    torch.testing.assert_close(found.mixture * found.scale, mixture)
    if normalization != "per_signal":
        torch.testing.assert_close(found.target * found.scale, target)


def test_joint_divides_both_by_the_mixtures_peak():
    target, interferer = signals(1e-2, 4.0), signals(1.0, 1e-3)
    plain, joint = mix(target, interferer, "none"), mix(target, interferer, "joint")
    assert torch.equal(plain.scale, torch.ones(2, 1, dtype=torch.float64))
    assert torch.equal(plain.target, target)
    peak = plain.mixture.abs().amax(dim=1, keepdim=True)
    torch.testing.assert_close(joint.mixture, plain.mixture / peak)
    torch.testing.assert_close(joint.target, target / peak)


def test_per_signal_divides_each_by_its_own_peak():
    target, interferer = signals(1e-2, 4.0), signals(1.0, 1e-3)
    found = mix(target, interferer, "per_signal")
    torch.testing.assert_close(found.mixture, mix(target, interferer, "joint").mixture)
    torch.testing.assert_close(found.target.abs().amax(dim=1), torch.ones(2).double())
    cosine = torch.nn.functional.cosine_similarity(found.target, target)
    torch.testing.assert_close(cosine, torch.ones(2).double())


def test_silence_gives_no_nan():
    zeros = torch.zeros(1, 10)
    for normalization in ("none", "joint", "per_signal"):
        for tensor in mix(zeros, zeros, normalization):
            assert torch.isfinite(tensor).all()


def test_rows_do_not_depend_on_their_batch():
    target, interferer = signals(1.0, 0.1, 0.01), signals(0.5, 0.2, 0.3)
    whole = mix(target, interferer, "joint")
    for row in range(3):
        alone = mix(target[row : row + 1], interferer[row : row + 1], "joint")
        assert torch.equal(alone.mixture[0], whole.mixture[row])
