"""What a training is watched by: SDRi and SI-SDR on a few development mixtures."""

import logging
from collections.abc import Iterator

import numpy as np
import torch

from uss.data.anchor_set import AnchorSet
from uss.data.class_queries import mean_query, queries_of
from uss.data.mixing import Mix, mix
from uss.data.mixture_list import MixtureList
from uss.labels import Classes
from uss.models.mae_resunet import Separator
from uss.schema import SeparatorTraining
from uss.training.event_files import Example
from uss.training.separation_task import level, si_sdr

NUM_MIXTURES = 64
NUM_EXAMPLES = 4

logger = logging.getLogger(__name__)


class Development:
    """Mixtures of the development list, evenly over it, each with the query that a user has: the
    mean over the training anchors of the target's class. (Stage 6 takes the mean over its own list,
    which may be shorter.) Targets of classes without training anchors are left out, and counted.

    Args:
        model: the separator that is trained, on its device.
        mixtures: data/mixtures/dev.csv.
        training_anchors: of data/train.
        classes: for the names of examples.
        training: `dev_steps`, and the batch size.
        device: of the model.

    Raises:
        ValueError: no development mixture has a target whose class has training anchors.
    """

    def __init__(
        self,
        model: Separator,
        mixtures: MixtureList,
        training_anchors: AnchorSet,
        classes: Classes,
        training: SeparatorTraining,
        device: torch.device,
    ) -> None:
        self.model = model
        self.mixtures = mixtures
        self.classes = classes
        self.steps = training.dev_steps
        self.batch_size = training.batch_size
        self.device = device
        class_ids = np.array([anchor.class_id for anchor in training_anchors.anchors])
        trained = set(class_ids)
        known = [row for row in range(len(mixtures)) if self._class_id(row) in trained]
        if not known:
            raise ValueError(
                "data/mixtures/dev.csv has no mixture whose target's class has training anchors; "
                "write it again: ./run.sh --stage 3 --stop-stage 3, or set train.dev_steps to 0"
            )
        self.rows = np.array(known)[spread(len(known), NUM_MIXTURES)]
        read = queries_of(training_anchors, model.system)
        wanted = [self._class_id(row) for row in self.rows]
        means = {
            class_id: mean_query(read, np.flatnonzero(class_ids == class_id))
            for class_id in set(wanted)
        }
        self.queries = np.stack([means[class_id] for class_id in wanted])
        logger.info(
            "development: %d of %d mixtures every %d steps; %d have targets of classes without "
            "training anchors",
            *(len(self.rows), len(mixtures), self.steps, len(mixtures) - len(known)),
        )

    def _class_id(self, row: int) -> str:
        return self.mixtures.anchors.anchors[self.mixtures.target_rows[row]].class_id

    def _separated(self, places: np.ndarray) -> Iterator[tuple[Mix, torch.Tensor]]:
        """Batches of the mixtures at these places of `rows`, and what the model makes of them."""
        for first in range(0, len(places), self.batch_size):
            some = places[first : first + self.batch_size]
            batch = self.mixtures.batch(self.rows[some])
            target, interferer, query = (
                torch.from_numpy(array).to(self.device)
                for array in (batch.target, batch.interferer, self.queries[some])
            )
            at_mixture_level = self.mixtures.anchors.at_mixture_level
            mixed = mix(target, interferer, self.model.system.normalization, at_mixture_level)
            yield mixed, self.model(mixed.mixture, query)

    def figures(self) -> dict[str, float]:
        """For the log: dev_sdri and dev_si_sdr in dB, means over the mixtures."""
        sdris, si_sdrs = [], []
        for (mixture, target, _), estimate in self._separated(np.arange(len(self.rows))):
            sdris.append(level(mixture - target) - level(estimate - target))
            si_sdrs.append(si_sdr(target, estimate))
        return {
            "dev_sdri": torch.cat(sdris).mean().item(),
            "dev_si_sdr": torch.cat(si_sdrs).mean().item(),
        }

    def examples(self) -> list[Example]:
        """Mixture, target and separated of some of the mixtures, to be heard."""
        places = spread(len(self.rows), NUM_EXAMPLES)
        rows = iter(self.rows[places])
        examples = []
        for (mixtures, targets, _), estimates in self._separated(places):
            for signals in zip(mixtures, targets, estimates, strict=True):
                row = next(rows)
                name = self.classes.names[self.classes.index(self._class_id(row))]
                title = f"{self.mixtures.mixtures[row].mixture_id} {name}".replace("/", " ")
                named = zip(("mixture", "target", "separated"), signals, strict=True)
                heard = {what: signal.cpu().numpy() for what, signal in named}
                examples.append(Example(title, heard, self.mixtures.anchors.sample_rate))
        return examples


def spread(num: int, wanted: int) -> np.ndarray:
    """At most `wanted` of the numbers below `num`, evenly, in order."""
    return np.unique(np.linspace(0, num - 1, min(num, wanted)).astype(int))
