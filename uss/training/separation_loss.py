"""What a separator is trained on (docs/method.md, section 6). Each loss and its gradient are finite
for a silent target and a silent estimate."""

from collections.abc import Callable

from torch import Tensor
from torch.nn.functional import l1_loss

Loss = Callable[[Tensor, Tensor], Tensor]

MIN_ENERGY = 1e-10  # as in the metrics
MAX_SDR_DB = 30.0  # beyond it nothing more is gained
MIN_SIZE = 1e-10  # root mean square; a mask of 1e-4 makes 1e-5 of a mixture, and shall still learn


def sdr(separated: Tensor, target: Tensor) -> Tensor:
    """The negative mean of the SDR in dB, each at most 30 dB (Wisdom et al., arXiv 2006.12701).

    (batch, samples) both. -10 log10(E / (D + E / 1000)), E and D the mean squares of target and
    error, each at least 1e-10.
    """
    energy = target.square().mean(dim=1).clamp(min=MIN_ENERGY)
    error = (separated - target).square().mean(dim=1).clamp(min=MIN_ENERGY)
    return (10 * (error / energy + 10 ** (-MAX_SDR_DB / 10)).log10()).mean()


def sdr_cosine(separated: Tensor, target: Tensor) -> Tensor:
    """The mean of `sdr` and of the same of an estimate that is brought to the target's energy.

    (batch, samples) both. Without the second part, (10 log10(2 - 2 c + 1 / 1000)) for the cosine c
    of target and estimate, a mask that is wrong in phase grows smaller, and one that is nearly zero
    learns nothing more: its gradient is as small as itself. The cosine's gradient, taken by the
    mask's logits, does not depend on the mask's size.
    """
    sizes = [
        signal.square().mean(dim=1).clamp(min=MIN_SIZE**2).sqrt() for signal in (separated, target)
    ]
    cosine = (separated * target).mean(dim=1) / (sizes[0] * sizes[1])
    at_its_energy = (10 * (2 - 2 * cosine + 10 ** (-MAX_SDR_DB / 10)).log10()).mean()
    return (sdr(separated, target) + at_its_energy) / 2


LOSSES: dict[str, Loss] = {"l1": l1_loss, "sdr": sdr, "sdr_cosine": sdr_cosine}
