"""Stage 5's task: a separator on the listed training mixtures."""

import numpy as np
import torch
from torch import Tensor

from uss.data.class_queries import ClassQueries
from uss.data.feature_set import FeatureSet
from uss.data.mixing import mix
from uss.data.mixture_list import Batch, MixtureList
from uss.distributed import share
from uss.models.mae_resunet import Separator
from uss.schema import SeparatorTraining
from uss.training.acceleration import accelerate, separator_networks
from uss.training.batch_reader import on_device
from uss.training.separation_loss import LOSSES

NUM_EVALUATED_BATCHES = 4


class SeparationTask:
    """What comes out, compared with the target by `training.loss`. Step k of a batch size B reads
    rows k B .. k B + B - 1 of the list, which wraps at its end.

    Args:
        model: the separator.
        mixtures: the list for training.
        features: cached A-MAE features of that list; None where they are not needed, or live.
        training: of the separator.
        device: to train on.
    """

    def __init__(
        self,
        model: Separator,
        mixtures: MixtureList,
        features: FeatureSet | None,
        training: SeparatorTraining,
        device: torch.device,
    ) -> None:
        self.model = model.to(device)
        accelerate(separator_networks(self.model), device)
        self.mixtures = mixtures
        system = self.model.system
        from_class = system.query_from == "class"
        self.queries = ClassQueries(mixtures, system, training.seed) if from_class else None
        self.features = features
        self.training = training
        self.device = device

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        return self.model.parameter_groups(learning_rate)

    def rows(self, step: int) -> np.ndarray:
        first = step * self.training.batch_size
        return np.arange(first, first + self.training.batch_size) % len(self.mixtures)

    def inputs(self, step: int) -> dict[str, np.ndarray]:
        return self._inputs(share(self.rows(step)))

    def batch(self, step: int) -> dict[str, np.ndarray]:
        rows = self.rows(step)
        features = {} if self.features is None else {"features": self.features.read(rows)}
        return {"rows": rows, **self._batch(rows)._asdict(), **features}

    def _batch(self, rows: np.ndarray) -> Batch:
        batch = self.mixtures.batch(rows)
        if self.queries is None:
            return batch
        return batch._replace(**{self.model.system.query_field: self.queries.read(rows)})

    def _inputs(self, rows: np.ndarray) -> dict[str, np.ndarray]:
        batch = self._batch(rows)
        query = getattr(batch, self.model.system.query_field)
        features = {} if self.features is None else {"features": self.features.read(rows)}
        return {"target": batch.target, "interferer": batch.interferer, "query": query, **features}

    def loss(self, inputs: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        normalization = self.model.system.normalization
        mixture, target, _ = mix(inputs["target"], inputs["interferer"], normalization)
        separated = self.model(mixture, inputs["query"], inputs.get("features"))
        estimate = separated.detach()
        sdri = level(mixture - target) - level(estimate - target)
        figures = {"sdri": sdri.mean(), "si_sdr": si_sdr(target, estimate).mean()}
        return LOSSES[self.training.loss](separated, target), figures

    def evaluate(self) -> dict[str, float]:
        """The loss of the last batches in eval mode. Well above the loss in training, it says
        that the running statistics of the BatchNorms have not settled."""
        last = self.training.steps
        steps = range(max(0, last - NUM_EVALUATED_BATCHES), last)
        batches = (on_device(self._inputs(self.rows(step)), self.device) for step in steps)
        return {"eval_mode_loss": float(np.mean([self.loss(batch)[0].item() for batch in batches]))}


def level(waveform: Tensor) -> Tensor:
    """(batch, samples) -> (batch,) mean square in dB, at least -100."""
    return 10 * waveform.square().mean(dim=1).clamp(min=1e-10).log10()


def si_sdr(target: Tensor, estimate: Tensor) -> Tensor:
    """(batch, samples) each -> (batch,) in dB: the target's share of the estimate to the rest.

    For the log; what is reported is measured by uss.evaluation.metrics, in double precision.
    """
    energy = target.square().sum(dim=1, keepdim=True).clamp(min=torch.finfo(target.dtype).tiny)
    share_of_target = (target * estimate).sum(dim=1, keepdim=True) / energy * target
    return level(share_of_target) - level(estimate - share_of_target)
