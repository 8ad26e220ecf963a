"""How far A-MAE features reach into a mask when training begins, by fusion and by frequency.

Networks with initial weights get development mixtures, once with their own features and once with
each other's. Reads data/mixtures/dev.csv and data/dev/anchors/, resampled to the systems' rate, and
conf/ as uss.bin.macs does; random queries stand for those of sounds. Prints a Markdown table: the
change of the complex mask's values, of their standard deviation, in each quarter of the bins, the
mean over NUM_DRAWS networks and batches. The statistics of the BatchNorms are those of the batch
with its own features, and fixed for the exchange: taken anew, they would carry a change of any bin
to all. `initial_mask` is taken as random: half hides all at first. So do the projections of the
fusion `film`, which begin at zero; they are drawn here as other weights are (Xavier).

    python experiments/amae_gain/feature_reach.py --amae data/amae --systems mae_frozen mae_aligned
    python experiments/amae_gain/feature_reach.py --conf ../audioset/conf \
        --systems mae_frozen mae_aligned
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torchaudio.functional import resample

from uss.command import add_systems, parser, run
from uss.data.anchor_set import AnchorSet
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.model_store.loading import load_amae
from uss.model_store.untrained import untrained
from uss.models.local_bias import LocalBias
from uss.models.mae_resunet import Separator
from uss.reporting.results_table import Table, markdown

BATCH_SIZE = 4
NUM_DRAWS = 5
QUARTERS = ("lowest", "second", "third", "highest")
DATA = Path("data")


@torch.no_grad()
def reach(separator: Separator, mixture: Tensor, query: Tensor) -> np.ndarray:
    """(quarters,) of the kept bins: the root mean square of the mask's change over the standard
    deviation of its values.

    Raises ValueError where the system has no A-MAE.
    """
    if separator.amae is None:
        raise ValueError("a system without A-MAE features: name others with --systems")
    features = separator.amae(mixture)
    magnitude = separator.stft(mixture).abs()
    fix_statistics(separator, magnitude, query, features)
    masks = [
        separator.network(magnitude, query, used)[..., :-1]  # without the Nyquist bin
        for used in (features, features.roll(1, dims=0))
    ]
    quarters = [mask.chunk(len(QUARTERS), dim=3) for mask in masks]
    return np.array(
        [
            ((one - other).square().mean().sqrt() / one.std()).item()
            for one, other in zip(*quarters, strict=True)
        ]
    )


def fix_statistics(
    separator: Separator, magnitude: Tensor, query: Tensor, features: Tensor
) -> None:
    """Give every BatchNorm the statistics of one batch, and leave the separator in eval mode."""
    for module in separator.modules():
        if isinstance(module, torch.nn.BatchNorm1d | torch.nn.BatchNorm2d):
            module.momentum = 1.0
    separator.train()
    separator.network(magnitude, query, features)
    separator.eval()


def draw_mixtures(draw: int, sample_rate: int) -> Tensor:
    """(BATCH_SIZE, samples) of the development list."""
    anchors = AnchorSet(DATA / "dev")
    mixtures = MixtureList(DATA / "mixtures" / "dev.csv", anchors)
    rows = np.random.default_rng(draw).choice(len(mixtures.mixtures), BATCH_SIZE, replace=False)
    batch = mixtures.batch(rows)
    target, interferer = map(torch.from_numpy, (batch.target, batch.interferer))
    return resample(mix(target, interferer, "joint").mixture, anchors.sample_rate, sample_rate)


def main(argv: list[str] | None = None) -> None:
    arguments = add_systems(parser(__doc__))
    arguments.add_argument(
        "--amae", type=Path, help="model directory; default: one with initial weights"
    )
    options = arguments.parse_args(argv)
    amae = None if options.amae is None else load_amae(options.amae)
    rows = []
    for name in options.systems:
        values = []
        for draw in range(NUM_DRAWS):
            torch.manual_seed(draw)
            overrides = [*options.overrides, f"{name}.initial_mask=random"]
            system = untrained(options.conf, name, overrides)
            if amae is not None and system.separator.amae is not None:
                system.separator.amae.encoder = amae
            for module in system.separator.modules():
                if isinstance(module, LocalBias):
                    torch.nn.init.xavier_uniform_(module.projection.weight)
            mixture = draw_mixtures(draw, system.sample_rate)
            query = torch.rand(BATCH_SIZE, system.query_size)
            values.append(reach(system.separator, mixture, query))
        rows.append([name, *(f"{value:.1%}" for value in np.mean(values, axis=0))])
    header = ["system", *(f"{quarter} quarter" for quarter in QUARTERS)]
    print(markdown(Table(header, rows)), end="")


if __name__ == "__main__":
    run(main)
