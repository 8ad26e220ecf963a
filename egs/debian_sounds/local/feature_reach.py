"""How far A-MAE features reach into a mask when training begins, by fusion and by frequency.

Networks with initial weights get noise as mixtures and as features (a BatchNorm scales the real
ones the same, but at the bottleneck), once as they are and once with every mixture's features
exchanged for another's. Reads conf/ as uss.bin.macs does; needs no data. Prints a Markdown table:
the change of the complex mask's values, of their standard deviation, in each quarter of the bins,
the mean over NUM_SEEDS networks. `initial_mask` is taken as random: half hides everything at first.

    python local/feature_reach.py --systems mae_frozen mae_aligned mae_aligned_bottleneck
    python local/feature_reach.py --conf ../audioset/conf --systems mae_frozen mae_aligned
"""

import numpy as np
import torch

from uss.bin.command import add_systems, parser, run
from uss.bin.macs import Untrained, untrained
from uss.evaluation.results_table import Table, markdown

BATCH_SIZE = 4
NUM_SEEDS = 3
QUARTERS = ("lowest", "second", "third", "highest")


@torch.no_grad()
def reach(system: Untrained) -> np.ndarray:
    """(quarters,) of the kept bins: the root mean square of the mask's change over the standard
    deviation of its values.

    Raises ValueError where the system has no A-MAE.
    """
    separator = system.separator.train()  # BatchNorms by the batch, as at the first step
    if separator.amae is None:
        raise ValueError("a system without A-MAE features: name others with --systems")
    mixture = torch.randn(BATCH_SIZE, system.num_samples)
    condition = torch.rand(BATCH_SIZE, system.condition_size)
    features = torch.randn_like(separator.amae(mixture))
    magnitude = separator.stft(mixture).abs()
    masks = [
        separator.network(magnitude, condition, used)[..., :-1]  # without the Nyquist bin
        for used in (features, features.roll(1, dims=0))
    ]
    quarters = [mask.chunk(len(QUARTERS), dim=3) for mask in masks]
    return np.array(
        [
            ((one - other).square().mean().sqrt() / one.std()).item()
            for one, other in zip(*quarters, strict=True)
        ]
    )


def main(argv: list[str] | None = None) -> None:
    options = add_systems(parser(__doc__)).parse_args(argv)
    rows = []
    for name in options.systems:
        values = []
        for seed in range(NUM_SEEDS):
            torch.manual_seed(seed)
            overrides = [*options.overrides, f"{name}.initial_mask=random"]
            values.append(reach(untrained(options.conf, name, overrides)))
        rows.append([name, *(f"{value:.2%}" for value in np.mean(values, axis=0))])
    header = ["system", *(f"{quarter} quarter" for quarter in QUARTERS)]
    print(markdown(Table(header, rows)), end="")


if __name__ == "__main__":
    run(main)
