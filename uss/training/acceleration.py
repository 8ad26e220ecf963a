"""bfloat16 and compiled networks on a GPU that has them; float32, uncompiled, elsewhere."""

import logging

import torch
from torch import nn

from uss.models.audio_mae import AudioMae
from uss.models.mae_resunet import Separator

# Of torch.compile. "reduce-overhead" would launch a step's kernels at once (CUDA graphs), and
# "max-autotune" choose among them. Neither was measured on a GPU, so neither is taken:
# python -m tests.benchmarks.training_speed --compile-mode reduce-overhead
COMPILE_MODE = "default"

logger = logging.getLogger(__name__)


def separator_networks(separator: Separator) -> list[nn.Module]:
    """What of a separator is made fast. The transforms before and after the networks (STFT,
    resampling, filterbank) stay in float32, and so does a frozen A-MAE: its live features are those
    of the cache."""
    networks: list[nn.Module] = [separator.network]
    if separator.amae is not None and separator.amae.updated:
        networks += separator.amae.encoder.blocks
    return networks


def amae_networks(model: AudioMae) -> list[nn.Module]:
    """What of an A-MAE that is pretrained is made fast: the Transformers' blocks."""
    return [*model.blocks, *model.decoder_blocks]


def accelerate(networks: list[nn.Module], device: torch.device) -> None:
    """Make the networks' forward passes fast, in place; weights, names and types stay."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        logger.info("training in bfloat16, compiled")
        speed_up(networks, device.type)


def speed_up(networks: list[nn.Module], device_type: str) -> None:
    """`accelerate` on a device that can. All batches of a training have one shape."""
    for network in networks:
        autocast = torch.autocast(device_type, torch.bfloat16)
        compiled = torch.compile(network.forward, dynamic=False, mode=COMPILE_MODE)
        network.forward = autocast(compiled)
