"""bfloat16 and compiled networks on a GPU that has them; float32, uncompiled, elsewhere."""

import logging

import torch
from torch import nn

from uss.models.mae_resunet import Separator

logger = logging.getLogger(__name__)


def accelerate(separator: Separator, device: torch.device) -> None:
    """Make a separator's forward pass fast, in place; weights, their names and their type stay.

    The transforms before and after the networks (STFT, resampling, filterbank) stay in float32, and
    so does a frozen A-MAE: its live features are those of the cache.
    """
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        logger.info("training in bfloat16, compiled")
        speed_up(separator, device.type)


def speed_up(separator: Separator, device_type: str) -> None:
    """`accelerate` on a device that can."""
    networks: list[nn.Module] = [separator.network]
    if separator.amae is not None and separator.amae.updated:
        networks += separator.amae.encoder.blocks
    for network in networks:
        autocast = torch.autocast(device_type, torch.bfloat16)
        network.forward = autocast(torch.compile(network.forward))
