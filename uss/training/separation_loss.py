"""What a separator is trained on (docs/method.md, section 6). Each loss and its gradient are finite
for a silent target and a silent estimate."""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import l1_loss

Loss = Callable[[Tensor, Tensor], Tensor]

MIN_ENERGY = 1e-10  # as in the metrics
MAX_SDR_DB = 30.0  # beyond it nothing more is gained


def sdr(separated: Tensor, target: Tensor) -> Tensor:
    """The negative mean of the SDR in dB, each at most 30 dB (Wisdom et al., arXiv 2006.12701).

    (batch, samples) both. -10 log10(E / (D + E / 1000)), E and D the mean squares of target and
    error, each at least 1e-10.
    """
    energy = target.square().mean(dim=1).clamp(min=MIN_ENERGY)
    error = (separated - target).square().mean(dim=1).clamp(min=MIN_ENERGY)
    return (10 * (error / energy + 10 ** (-MAX_SDR_DB / 10)).log10()).mean()


LOSSES: dict[str, Loss] = {"l1": l1_loss, "sdr": sdr}
