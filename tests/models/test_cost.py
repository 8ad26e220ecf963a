import pytest
import torch
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from tests.helpers import small_networks
from uss.models.cost import separator_cost
from uss.models.mae_resunet import build_separator
from uss.models.published import AUDIO_MAE
from uss.schema import System, SystemAmae

NETWORK_GIGA = {512: 25.5, 1280: 63.8}  # by bins
AMAE_GIGA = {0: 0.0, 513: 48.4, 105: 9.1}  # by tokens; without the patch embedding and its 0.1


def cost_of(separator, query_size=small_networks.QUERY_SIZE, rate=small_networks.SAMPLE_RATE):
    return separator_cost(separator.eval(), query_size, rate, 2 * rate)


@pytest.mark.slow
@pytest.mark.parametrize("features, fusion, bins, tokens", [
    ("none", "concat", 512, 0),
    ("paper", "concat", 1280, 513),
    ("aligned", "channel", 512, 105),
])  # fmt: skip
def test_published_width(features, fusion, bins, tokens):
    """The numbers of docs/method.md, section 4, for 2 s at 32 kHz."""
    system = System(amae=SystemAmae(features=features, fusion=fusion))
    cost = cost_of(build_separator(system, 2048, 32000, AUDIO_MAE), 2048, 32000)
    assert cost.segment_seconds == 2.0
    assert cost.network_macs / 1e9 == pytest.approx(NETWORK_GIGA[bins], abs=0.06)
    patch_embedding = max(tokens - 1, 0) * 256 * 768
    assert (cost.amae_macs - patch_embedding) / 1e9 == pytest.approx(AMAE_GIGA[tokens], abs=0.05)


@pytest.mark.parametrize("features, fusion", [
    ("none", "concat"),
    ("paper", "concat"),
    ("aligned", "channel"),
    ("aligned", "bottleneck"),
    ("aligned", "film"),
    ("log_mel", "film"),
])  # fmt: skip
@torch.no_grad()
def test_equals_torchs_own_counter(features, fusion):
    """Which counts two operations for one, and the matrix products of the transforms too."""
    separator = small_networks.separator(features, fusion).eval()
    cost = cost_of(separator)
    with FlopCounterMode(display=False) as counter, sdpa_kernel(SDPBackend.MATH):
        separator(small_networks.noise(1), torch.rand(1, small_networks.QUERY_SIZE))
    transforms = 0
    if separator.amae is not None:
        with FlopCounterMode(display=False) as of_transforms:
            separator.amae.fbank(small_networks.noise(1))
        transforms = of_transforms.get_total_flops()
    assert cost.network_macs + cost.amae_macs == (counter.get_total_flops() - transforms) // 2


def test_local_biases_cost_little_at_the_published_width():
    def cost(amae):
        return cost_of(build_separator(System(amae=amae), 2048, 32000, AUDIO_MAE), 2048, 32000)

    without, film = cost(SystemAmae()), cost(SystemAmae(features="aligned", fusion="film"))
    assert film.network_macs < 1.01 * without.network_macs
    assert film.num_trained - without.num_trained < 0.02 * without.num_trained


@pytest.mark.parametrize("updated", [False, True])
def test_parameters_are_those_of_the_optimiser(updated):
    separator = small_networks.separator("paper", updated=updated)
    cost = cost_of(separator)
    groups = separator.parameter_groups(1e-3)
    assert cost.num_trained == sum(p.numel() for group in groups for p in group["params"])
    assert cost.num_trained + cost.num_frozen == sum(p.numel() for p in separator.parameters())
    assert cost.num_frozen > 0
