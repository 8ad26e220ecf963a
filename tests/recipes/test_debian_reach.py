import pytest
import torch

from egs.debian_sounds.experiments.amae_gain import feature_reach
from tests.helpers.debian_recipe import RECIPE
from uss.model_store.untrained import untrained

SMALL = ["amae.model.depth=1", "anchors.segment_seconds=1.0"]


def separator_of(name: str, *overrides: str):
    torch.manual_seed(0)
    return untrained(RECIPE / "conf", name, [*SMALL, *overrides])


def reach(system) -> list[float]:
    generator = torch.Generator().manual_seed(0)
    mixture = torch.randn(4, system.num_samples, generator=generator)
    query = torch.rand(4, system.query_size, generator=generator)
    return feature_reach.reach(system.separator, mixture, query).tolist()


def small_reach(name: str) -> list[float]:
    narrow = f"{name}.channels=[4, 4, 4, 4, 4, 4]"
    return reach(separator_of(name, f"{name}.initial_mask=random", narrow))


def test_concatenated_along_frequency_features_reach_the_bins_beside_them():
    """The features stand above the highest bins. With statistics of BatchNorms that are fixed, no
    more than a trace of them gets to the others (docs/method.md, section 5)."""
    *others, highest = small_reach("mae_aligned_concat")
    assert highest > 0.02
    assert max(others) < highest / 50


def test_a_second_input_channel_reaches_all_bins_alike():
    found = small_reach("mae_aligned")
    assert min(found) > 0.1
    assert max(found) < 2 * min(found)


def test_features_that_are_not_used_reach_nothing():
    system = separator_of("mae_aligned_bottleneck")
    network = system.separator.network
    assert max(reach(system)) == 0  # the initial mask is one half
    torch.nn.init.normal_(network.unet.after_conv.weight)
    assert max(reach(system)) > 0
    torch.nn.init.zeros_(network.bottleneck_fusion.linear.weight)
    assert max(reach(system)) == 0


def test_a_system_without_features_is_refused():
    with pytest.raises(ValueError, match="without A-MAE features"):
        reach(separator_of("resunet_joint"))
