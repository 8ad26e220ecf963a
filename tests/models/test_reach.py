"""How far features that stand beside the magnitude reach: docs/method.md, section 5."""

import pytest
import torch

from uss.models.resunet import ResUNet

NUM_FEATURES = 768
LEVELS = 6


@pytest.fixture(scope="module")
def unet() -> ResUNet:
    """The published structure. Its width does not matter to what reaches what; all weights are
    positive, so that no two ways cancel out."""
    unet = ResUNet(1, 3, [2] * LEVELS, query_size=1).double().eval()
    for weight in unet.parameters():
        torch.nn.init.constant_(weight, 0.1)
    return unet


def reaches(unet: ResUNet, num_bins: int, bin_: int) -> bool:
    """Whether any feature column has a gradient at this bin of the masks."""
    features = torch.zeros(1, 1, 32, NUM_FEATURES, dtype=torch.float64, requires_grad=True)
    x = torch.cat((torch.zeros(1, 1, 32, num_bins, dtype=torch.float64), features), dim=3)
    unet(x, torch.zeros(1, 1, dtype=torch.float64))[..., bin_].sum().backward()
    assert features.grad is not None
    return bool(features.grad.any())


@pytest.mark.parametrize("num_bins, first", [(512, 130), (1024, 642)])
def test_no_feature_column_reaches_a_low_bin(unet, num_bins, first):
    assert not any(reaches(unet, num_bins, bin_) for bin_ in (0, first // 2, first - 2, first - 1))
    assert all(reaches(unet, num_bins, bin_) for bin_ in (first, first + 1, num_bins - 1))
    assert first / num_bins * 16000 == {130: 4062.5, 642: 10031.25}[first]  # Hz, at 32 kHz
