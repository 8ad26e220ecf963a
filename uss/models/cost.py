"""What a separator costs: its parameters, and the multiply-accumulates of one segment."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from uss.models.mae_resunet import build_separator
from uss.schema import AmaeModel, System


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
    system: System,
    condition_size: int,
    sample_rate: int,
    amae_model: AmaeModel | None,
    num_samples: int,
) -> Cost:
    """Count by running one segment without numbers (torch's meta device).

    Counted are convolutions, linear layers and attention, as torch.utils.flop_counter does, two
    operations being one multiply-accumulate; not the transforms (STFT, filterbank, resampling),
    norms and activations, a few per cent together.

    Args:
        condition_size: values of the query.
        sample_rate: of the recipe, in Hz.
        amae_model: of a system with A-MAE features.
        num_samples: of the segment, at `sample_rate`.

    Raises:
        ValueError: the system's parts do not fit together; a segment too long for the A-MAE.
    """
    with torch.device("meta"):
        separator = build_separator(system, condition_size, sample_rate, amae_model)
    separator = separator.to("meta").eval()  # tables that come from numpy too
    amae, network = separator.amae, separator.network
    features, amae_macs = None, 0
    if amae is not None:
        fbank = torch.empty(1, *amae.fbank_shape(num_samples), device="meta")
        features, amae_macs = _counted(lambda fbank: amae.pool(amae.tokens(fbank)), fbank)
    num_frames = num_samples // system.stft.hop_size + 1
    magnitude = torch.empty(1, num_frames, system.stft.window_size // 2 + 1, device="meta")
    condition = torch.empty(1, condition_size, device="meta")
    _, network_macs = _counted(network, magnitude, condition, features)
    return Cost(
        num_trained=_num_parameters(separator, True),
        num_frozen=_num_parameters(separator, False),
        network_macs=network_macs,
        amae_macs=amae_macs,
        segment_seconds=num_samples / sample_rate,
    )


@torch.no_grad()
def _counted(function, *inputs: Tensor | None) -> tuple[Tensor, int]:
    """The output, and the multiply-accumulates that it took."""
    with FlopCounterMode(display=False) as counter:
        output = function(*inputs)
    return output, counter.get_total_flops() // 2


def _num_parameters(module: nn.Module, trained: bool) -> int:
    return sum(p.numel() for p in module.parameters() if p.requires_grad == trained)
