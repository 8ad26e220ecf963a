"""Every system of docs/method.md, section 1 and its switches: shapes, training, what is frozen."""

import dataclasses
import re

import pytest
import torch

from tests.helpers.small_networks import (
    AMAE,
    QUERY_SIZE,
    SAMPLE_RATE,
    noise,
    separator,
    system,
    trained_biases,
)
from uss.models.audio_mae import AudioMae
from uss.models.initialise import xavier
from uss.models.mae_resunet import build_separator
from uss.models.resunet import complex_mask
from uss.schema import Stft, System, SystemAmae

KINDS = [
    ("none", "concat"),
    ("paper", "concat"),
    ("paper", "channel"),
    ("aligned", "concat"),
    ("aligned", "channel"),
    ("aligned", "bottleneck"),
    ("aligned", "film"),
]
QUERY = torch.rand(2, QUERY_SIZE, generator=torch.Generator().manual_seed(2))


def step(model: torch.nn.Module) -> None:
    """One step on the published loss."""
    optimiser = torch.optim.AdamW(model.parameter_groups(1e-3))
    loss = (model(noise(), QUERY) - 0.5 * noise(seed=5)).abs().mean()
    loss.backward()
    optimiser.step()


@pytest.mark.parametrize("updated", [False, True])
@pytest.mark.parametrize("features, fusion", KINDS)
def test_a_step_trains_what_it_should(features, fusion, updated):
    model = trained_biases(separator(features, fusion, updated)).train()
    before = {name: p.clone() for name, p in model.named_parameters()}
    step(model)
    unchanged = {name for name, p in model.named_parameters() if torch.equal(before[name], p)}

    trained_blocks = updated and features != "none"
    expected = {
        name
        for name in before
        if name.startswith("amae.")
        and not (trained_blocks and name.startswith(("amae.encoder.blocks", "amae.block_weights")))
    }
    assert unchanged == expected
    assert all(p.isfinite().all() for p in model.parameters())


@torch.inference_mode()
@pytest.mark.parametrize("query_norm, is_same", [("rms", True), ("none", False)])
def test_a_query_of_rms_1_steers_alike_at_any_size(query_norm, is_same):
    torch.manual_seed(0)
    settings = dataclasses.replace(system("none"), query_norm=query_norm)
    model = build_separator(settings, QUERY_SIZE, SAMPLE_RATE).eval()
    faint = model(noise(), 0.01 * QUERY)
    assert torch.allclose(faint, model(noise(), QUERY), atol=1e-6) == is_same
    unit = QUERY / QUERY.square().mean(dim=1, keepdim=True).sqrt()
    model.network.query_norm = "none"
    assert torch.allclose(faint, model(noise(), unit), atol=1e-6) == is_same


def test_the_transposed_convolutions_begin_as_much_larger_as_asked():
    """... and nothing else: the draws are the same."""
    torch.manual_seed(0)
    settings = dataclasses.replace(system("aligned", "channel"), transposed_gain=2.0)
    larger = build_separator(settings, QUERY_SIZE, SAMPLE_RATE, AMAE).network.state_dict()
    usual = separator("aligned", "channel").network.state_dict()
    transposed = {key for key in usual if re.fullmatch(r"unet.decoders.\d.conv1.weight", key)}
    assert len(transposed) == len(settings.channels)
    for key, values in usual.items():
        assert torch.equal(larger[key], 2 * values if key in transposed else values), key


def test_a_gain_of_2_keeps_what_comes_from_below():
    """A transposed convolution of noise, whose kernel is its stride, has the noise's size."""
    torch.manual_seed(0)
    for gain, size in ((1.0, 0.5), (2.0, 1.0)):
        layer = torch.nn.ConvTranspose2d(64, 64, 2, 2, bias=False)
        xavier(layer, gain)
        assert layer(torch.randn(4, 64, 8, 8)).std().item() == pytest.approx(size, rel=0.05)


@torch.inference_mode()
@pytest.mark.parametrize("features, fusion", [("none", "concat"), ("aligned", "channel")])
def test_a_network_can_begin_by_halving_the_mixture(features, fusion):
    settings = dataclasses.replace(system(features, fusion), initial_mask="half")
    model = build_separator(settings, QUERY_SIZE, SAMPLE_RATE, AMAE).eval()
    # All but the Nyquist bin, whose map is zero padding: it has no phase.
    assert torch.allclose(model(noise(), QUERY), noise() / 2, atol=5e-3)


def test_a_frozen_amae_stays_in_eval_mode_and_keeps_no_graph():
    model = separator("paper").train()
    assert model.network.training
    assert not any(module.training for module in model.amae.modules())
    assert not model.amae(noise()).requires_grad
    assert len(model.parameter_groups(1e-3)) == 1


def test_an_updated_amae_learns_at_its_own_rate():
    model = separator("paper", updated=True)
    rates = [group["lr"] for group in model.parameter_groups(1e-3)]
    assert rates == [1e-3, 1e-5]
    trained = {p for group in model.parameter_groups(1e-3) for p in group["params"]}
    assert trained == {p for p in model.parameters() if p.requires_grad}
    assert model.amae.block_weights.shape == (AMAE.depth,)


@pytest.mark.parametrize("features, fusion", KINDS[1:])
@torch.inference_mode()
def test_cached_features_give_what_live_ones_give(features, fusion):
    model = trained_biases(separator(features, fusion)).eval()
    cached = model.amae(noise()).half()
    live, from_cache = model(noise(), QUERY), model(noise(), QUERY, cached)
    without = model(noise(), QUERY, torch.zeros_like(cached))
    assert (from_cache - live).abs().max() < 0.05 * (without - live).abs().max()


@pytest.mark.slow
@pytest.mark.parametrize("num_samples", [16000, 31999, 32000, 48123])
@torch.inference_mode()
def test_any_length(num_samples):
    for features, fusion in KINDS:
        mixture = noise(2, num_samples)
        assert separator(features, fusion).eval()(mixture, QUERY).shape == mixture.shape


def test_the_condition_decides():
    model = separator().eval()
    with torch.inference_mode():
        outputs = model(noise(1).expand(2, -1), QUERY)
    assert not torch.allclose(outputs[0], outputs[1], atol=1e-3)


def test_the_seed_decides_the_initial_weights():
    one, two = separator("paper", updated=True), separator("paper", updated=True)
    for name, tensor in one.state_dict().items():
        assert torch.equal(tensor, two.state_dict()[name]), name
    for name, parameter in one.network.named_parameters():
        if name.endswith("bias"):
            assert not parameter.any(), name


def test_weights_of_a_pretrained_amae_are_taken_over():
    model = separator("aligned")
    torch.manual_seed(7)
    pretrained = AudioMae(AMAE)
    pretrained.pos_embed += 1  # a published table is not ours
    model.load_audio_mae(pretrained)
    for name, tensor in model.amae.encoder.state_dict().items():
        assert torch.equal(tensor, pretrained.state_dict()[name]), name


def test_silence_has_finite_gradients():
    model = separator("aligned", updated=True).train()
    model(torch.zeros(2, 32000), QUERY).abs().mean().backward()
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())


def test_the_mask():
    maps = torch.randn(2, 3, 5, 7, generator=torch.Generator().manual_seed(0))
    maps[:, :, :, -1] = 0  # the Nyquist bin's zero padding
    real, imag = complex_mask(maps).unbind(dim=1)
    length = torch.hypot(real, imag)
    torch.testing.assert_close(length[..., :-1], torch.sigmoid(maps[:, 0, :, :-1]))
    assert not length[..., -1].any()
    angle = torch.atan2(maps[:, 2].tanh(), maps[:, 1].tanh())
    torch.testing.assert_close(torch.atan2(imag, real)[..., :-1], angle[..., :-1])


def test_full_size_shapes_of_the_paper():
    """512 magnitude and 768 feature columns of 224 frames; 2048-point STFT for the baseline."""
    for window_size, bins in ((1024, 513), (2048, 1025)):
        with torch.device("meta"):
            model = build_separator(System(stft=Stft(window_size, 320)), 2048, 32000)
            mask = model.network(torch.zeros(1, 201, bins), torch.zeros(1, 2048), None)
        assert mask.shape == (1, 2, 201, bins)


def aligned(**changes) -> System:
    return dataclasses.replace(system("aligned"), **changes)


@pytest.mark.parametrize(
    "broken, amae, message",
    [
        (aligned(stft=Stft(1024, 128)), AMAE, "stft.hop_size 160 at 16000 Hz, not 128"),
        (aligned(stft=Stft(600, 160)), AMAE, "window_size 600 must be a multiple of 128"),
        (aligned(), dataclasses.replace(AMAE, width=96), "width that is a multiple of 64, not 96"),
        (aligned(), None, "needs an A-MAE"),
        (
            aligned(stft=Stft(2048, 160), amae=SystemAmae("aligned", "bottleneck")),
            AMAE,
            "cannot map 8 mel patches",
        ),
    ],
)
def test_parts_that_do_not_fit(broken, amae, message):
    with pytest.raises(ValueError, match=message):
        build_separator(broken, QUERY_SIZE, SAMPLE_RATE, amae)
