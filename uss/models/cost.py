"""What a separator costs: its parameters, and the multiply-accumulates of one segment."""

from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_hook

from uss.models.local_bias import LocalBias, TokenGrid
from uss.models.mae_resunet import Separator
from uss.models.vit import Attention


@dataclass
class Cost:
    """Of one system.

    Attributes:
        num_trained, num_frozen: parameters (position tables and running statistics are none).
        network_macs: multiply-accumulates of the mask network for one segment.
        amae_macs: those of the A-MAE's encoder, in training only where features are not cached.
        segment_seconds: of the segment.
    """

    num_trained: int
    num_frozen: int
    network_macs: int
    amae_macs: int
    segment_seconds: float


def separator_cost(
    separator: Separator, query_size: int, sample_rate: int, num_samples: int
) -> Cost:
    """Count by separating one silent segment.

    Counted are convolutions, linear layers and attention; not the transforms (STFT, filterbank,
    resampling), norms and activations, a few per cent together.

    Args:
        separator: in eval mode.
        query_size: values of the query.
        sample_rate: of the recipe, in Hz.
        num_samples: of the segment, at `sample_rate`.

    Raises:
        ValueError: the segment is too long for the A-MAE.
    """
    device = next(separator.parameters()).device
    mixture = torch.zeros(1, num_samples, device=device)
    query = torch.zeros(1, query_size, device=device)
    features, amae_macs = None, 0
    if separator.amae is not None:
        features, amae_macs = _counted(separator.amae, mixture)
    _, network_macs = _counted(separator, mixture, query, features)
    return Cost(
        num_trained=_num_parameters(separator, True),
        num_frozen=_num_parameters(separator, False),
        network_macs=network_macs,
        amae_macs=amae_macs,
        segment_seconds=num_samples / sample_rate,
    )


@torch.no_grad()
def _counted(module: nn.Module, *inputs: Tensor | None) -> tuple[Tensor, int]:
    """The output, and the multiply-accumulates that it took."""
    counts: list[int] = []
    hook = register_module_forward_hook(lambda *call: counts.append(_macs(*call)))
    try:
        output = module(*inputs)
    finally:
        hook.remove()
    return output, sum(counts)


def _macs(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """Of one module by itself, without those inside it."""
    if isinstance(module, nn.Conv2d | nn.Linear):  # an output is a sum over one row of weights
        return output.numel() * module.weight[0].numel()
    if isinstance(module, nn.ConvTranspose2d):  # an input goes into as many outputs
        return inputs[0].numel() * module.weight[0].numel()
    if isinstance(module, LocalBias):  # the projected grid, from mel patches to bins
        batch, _, columns, patches = cast(TokenGrid, inputs[0]).values.shape
        return batch * output.shape[1] * columns * patches * output.shape[3]
    if isinstance(module, Attention):  # query times key, and that times value
        batch, tokens, width = output.shape
        return 2 * batch * tokens**2 * width
    return 0


def _num_parameters(module: nn.Module, trained: bool) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad == trained)
