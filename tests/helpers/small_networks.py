"""Small models of every kind, for tests of what does not depend on width."""

import torch

from uss.models.local_bias import LocalBias
from uss.models.mae_resunet import Separator, build_separator
from uss.schema import AmaeModel, PannsModel, Stft, System, SystemAmae

SAMPLE_RATE = 16000
QUERY_SIZE = 12

PANNS = PannsModel(
    sample_rate=SAMPLE_RATE,
    num_classes=10,
    window_size=512,
    hop_size=160,
    fmax=7000,
    channels=[4, 4, 8, 8, 8, 16],
)
AMAE = AmaeModel(
    input_frames=512,
    width=64,
    depth=2,
    heads=4,
    decoder_width=32,
    decoder_depth=1,
    decoder_heads=2,
    mean=-5.0,
    std=4.0,
)


def system(features: str = "none", fusion: str = "concat", updated: bool = False) -> System:
    return System(
        stft=Stft(window_size=1024, hop_size=160),
        channels=[4, 4, 8, 8, 8, 8],
        amae=SystemAmae(features=features, fusion=fusion, updated=updated, source="live"),
    )


def separator(features: str = "none", fusion: str = "concat", updated: bool = False) -> Separator:
    torch.manual_seed(0)
    return build_separator(system(features, fusion, updated), QUERY_SIZE, SAMPLE_RATE, AMAE)


def trained_biases(model: Separator) -> Separator:
    """With local biases, which are zero before training and then hide all that is before them."""
    torch.manual_seed(3)
    for local in (module for module in model.modules() if isinstance(module, LocalBias)):
        torch.nn.init.normal_(local.projection.weight, std=0.1)
    return model


def noise(batch_size: int = 2, num_samples: int = 2 * SAMPLE_RATE, seed: int = 1) -> torch.Tensor:
    return 0.1 * torch.randn(batch_size, num_samples, generator=torch.Generator().manual_seed(seed))
