import pytest
import torch
from torch import nn

from tests.models import small
from uss.models.cost import separator_cost
from uss.models.mae_resunet import build_separator
from uss.models.published import AUDIO_MAE
from uss.schema import Stft, System, SystemAmae

WIDTHS = {  # features, fusion -> bins of the mask network, tokens of the A-MAE
    ("none", "concat"): (512, 0),
    ("paper", "concat"): (1280, 513),
    ("aligned", "channel"): (512, 105),
    ("aligned", "bottleneck"): (512, 105),
    ("aligned", "concat"): (1280, 105),
}
NETWORK_GIGA = {512: 25.5, 1280: 63.8}
AMAE_GIGA = {0: 0.0, 513: 48.4, 105: 9.1}  # without the patch embedding and its 0.1


@pytest.mark.parametrize("features, fusion", WIDTHS)
def test_published_width(features, fusion):
    """The numbers of METHOD section 4, for 2 s at 32 kHz."""
    system = System(amae=SystemAmae(features=features, fusion=fusion))
    cost = separator_cost(system, 2048, 32000, AUDIO_MAE, 64000)
    bins, tokens = WIDTHS[features, fusion]
    assert cost.segment_seconds == 2.0
    assert cost.network_macs / 1e9 == pytest.approx(NETWORK_GIGA[bins], abs=0.06)
    patches = max(tokens - 1, 0) * 256 * 768
    assert (cost.amae_macs - patches) / 1e9 == pytest.approx(AMAE_GIGA[tokens], abs=0.05)


def test_the_published_window_costs_twice():
    narrow, wide = (
        separator_cost(System(stft=Stft(window_size=size)), 2048, 32000, None, 64000)
        for size in (1024, 2048)
    )
    assert wide.network_macs == pytest.approx(2 * narrow.network_macs, rel=1e-3)


def macs_by_hooks(module: nn.Module, run) -> int:
    """Convolutions and linear layers by their definitions; attention is not among them."""
    total = 0

    def count(layer, inputs, output):
        nonlocal total
        if isinstance(layer, nn.ConvTranspose2d):
            total += inputs[0].numel() * layer.weight[0].numel()
        else:  # each output is a sum over the inputs that one row of weights sees
            total += output.numel() * layer.weight[0].numel()

    kinds = (nn.Conv2d, nn.ConvTranspose2d, nn.Linear)
    layers = [layer for layer in module.modules() if isinstance(layer, kinds)]
    handles = [layer.register_forward_hook(count) for layer in layers]
    run()
    for handle in handles:
        handle.remove()
    return total


@pytest.mark.parametrize("features, fusion", WIDTHS)
@torch.no_grad()
def test_equals_a_count_by_definition(features, fusion):
    """On a real pass of a small separator, attention added by hand."""
    system = small.system(features, fusion)
    separator = small.separator(features, fusion).eval()
    mixture, condition = small.noise(1), torch.rand(1, small.CONDITION_SIZE)
    cost = separator_cost(
        system, small.CONDITION_SIZE, small.SAMPLE_RATE, small.AMAE, mixture.shape[1]
    )
    found = macs_by_hooks(separator, lambda: separator(mixture, condition))
    tokens = {"none": 0, "paper": 32 * 8 + 1, "aligned": 13 * 8 + 1}[features]
    attention = small.AMAE.depth * 2 * tokens**2 * small.AMAE.width
    assert cost.network_macs + cost.amae_macs == found + attention


@pytest.mark.parametrize("updated", [False, True])
def test_parameters_are_those_of_the_optimiser(updated):
    system = small.system("paper", updated=updated)
    cost = separator_cost(system, small.CONDITION_SIZE, small.SAMPLE_RATE, small.AMAE, 32000)
    separator = build_separator(system, small.CONDITION_SIZE, small.SAMPLE_RATE, small.AMAE)
    groups = separator.parameter_groups(1e-3)
    assert cost.num_trained == sum(p.numel() for group in groups for p in group["params"])
    assert cost.num_trained + cost.num_frozen == sum(p.numel() for p in separator.parameters())
    assert cost.num_frozen > 0


def test_a_segment_that_the_amae_cannot_take():
    with pytest.raises(ValueError, match="352000 samples .* cut the audio shorter"):
        separator_cost(System(amae=SystemAmae("aligned")), 8, 32000, AUDIO_MAE, 11 * 32000)
