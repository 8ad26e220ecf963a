"""What an adopted model gives for this recipe's mixtures: at its own rate, by its own PANNs.

The mixture is resampled to the model's rate, normalised there as the model was trained, and what
comes out is resampled back. It is measured at the recipe's rate against the recipe's target, as
every other system's: what the model cannot hear is its loss.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from uss.data.mixing import Mix, normalised
from uss.data.mixture_list import Batch
from uss.evaluation.scoring import Estimator
from uss.model_store.own_panns import OwnEncoder, resampled


def adopted_estimates(
    estimator: Estimator, encoder: OwnEncoder, rate: int, normalization: str
) -> Estimator:
    """The estimates of an estimator that hears another rate, and understands other embeddings.

    Args:
        estimator: of the model, at its rate.
        encoder: of the model.
        rate: of the mixtures, in Hz.
        normalization: `System.normalization`.
    """

    def estimate(mixed: Mix, batch: Batch, classes: np.ndarray) -> Iterator[tuple[str, Tensor]]:
        embedding, probabilities = encoder(batch.target, rate)
        batch = batch._replace(embedding=embedding, probabilities=probabilities)
        mixture, target = (
            torch.from_numpy(encoder.heard(x.numpy(force=True), rate)).to(x.device)
            for x in mixed[:2]
        )
        there = normalised(mixture, target, normalization)
        for name, estimated in estimator(there, batch, classes):
            waveforms = (estimated * there.scale).numpy(force=True)
            back = torch.from_numpy(resampled(waveforms, encoder.sample_rate, rate))
            # A sample may be lost or won at the end, and a short mixture was padded.
            missing = mixed.mixture.shape[-1] - back.shape[-1]
            yield name, torch.nn.functional.pad(back, (0, missing)).to(estimated.device)

    return estimate
