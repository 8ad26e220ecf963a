import pytest
import torch

from tests.debian_recipe import LOCAL, RECIPE
from uss.bin.macs import untrained

feature_reach = LOCAL.feature_reach
SMALL = ["amae.model.depth=1", "anchors.segment_seconds=1.0"]


def reach(name: str) -> list[float]:
    torch.manual_seed(0)
    overrides = [*SMALL, f"{name}.initial_mask=random", f"{name}.channels=[4, 4, 4, 4, 4, 4]"]
    return feature_reach.reach(untrained(RECIPE / "conf", name, overrides)).tolist()


def test_concatenated_along_frequency_features_reach_the_bins_beside_them():
    """The features stand above the highest bins; what reaches the others goes through the deepest
    levels."""
    *others, highest = reach("mae_aligned_concat")
    assert highest > 3 * max(others) > 0


def test_a_second_input_channel_reaches_all_bins_alike():
    found = reach("mae_aligned")
    assert min(found) > 0.1
    assert max(found) < 2 * min(found)


def test_features_that_are_not_used_reach_nothing():
    system = untrained(RECIPE / "conf", "mae_aligned_bottleneck", SMALL)
    weight = system.separator.network.bottleneck_fusion.linear.weight
    assert max(feature_reach.reach(system)) == 0  # the initial mask is one half
    torch.nn.init.normal_(system.separator.network.unet.after_conv.weight)
    assert max(feature_reach.reach(system)) > 0
    torch.nn.init.zeros_(weight)
    assert max(feature_reach.reach(system)) == 0


def test_a_system_without_features_is_refused():
    with pytest.raises(ValueError, match="without A-MAE features"):
        feature_reach.reach(untrained(RECIPE / "conf", "resunet_joint", SMALL))
