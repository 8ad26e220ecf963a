"""Stage 2's task: the sound event detector, from the weak labels of whole clips."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from uss.audio import from_int16
from uss.data.waveforms import WaveformSet
from uss.distributed import share
from uss.models.panns import Cnn14DecisionLevelMax
from uss.schema import Training
from uss.seeding import rng


class DetectorTask:
    """Binary cross-entropy on the clips' probabilities, batches balanced over the classes.

    Args:
        model: the detector.
        clips: of the train split.
        dev_clips: of the development split.
        training: of the detector.
        device: to train on.
    """

    def __init__(
        self,
        model: Cnn14DecisionLevelMax,
        clips: WaveformSet,
        dev_clips: WaveformSet,
        training: Training,
        device: torch.device,
    ) -> None:
        self.model = model.to(device)
        self.clips = clips
        self.dev_clips = dev_clips
        self.training = training
        self.device = device
        rows = [np.flatnonzero(column) for column in clips.target.T]
        self.rows_of_class = [rows_of_one for rows_of_one in rows if len(rows_of_one)]

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        return [{"params": list(self.model.parameters()), "lr": learning_rate}]

    def rows(self, step: int) -> list[int]:
        """The clips of a step: classes in turn in a random order, a class's clips likewise.

        Draw i takes class i mod C of permutation i // C of the C classes that have clips, and of
        its n clips, number e mod n of shuffle e // n, with e = i // C.
        """
        num_classes = len(self.rows_of_class)
        first = step * self.training.batch_size
        result = []
        for draw in range(first, first + self.training.batch_size):
            entry, position = divmod(draw, num_classes)
            order = self._rng("class_order", entry).permutation(num_classes)
            number = int(order[position])
            rows = self.rows_of_class[number]
            shuffle = self._rng("detector_batch", number, entry // len(rows)).permutation(rows)
            result.append(int(shuffle[entry % len(rows)]))
        return result

    def _rng(self, purpose: str, *index: int) -> np.random.Generator:
        return rng(self.training.seed, purpose, *index)

    def loss(self, step: int) -> tuple[Tensor, dict[str, float]]:
        rows = share(self.rows(step))
        target = torch.from_numpy(self.clips.target[rows]).to(self.device, torch.float32)
        probabilities = self._probabilities(self.clips, rows)
        if not probabilities.isfinite().all():
            return probabilities.sum(), {}  # the loss refuses them; the trainer skips the batch
        return binary_cross_entropy(probabilities, target), {}

    def batch(self, step: int) -> dict[str, np.ndarray]:
        rows = self.rows(step)
        return {
            "rows": np.array(rows),
            "waveform": self.clips.read(rows),
            "target": self.clips.target[rows],
        }

    def evaluate(self) -> dict[str, float]:
        """Mean average precision on the development clips, over the classes that have any."""
        size = self.training.batch_size
        starts = range(0, len(self.dev_clips), size)
        batches = [range(start, min(start + size, len(self.dev_clips))) for start in starts]
        scores = [self._probabilities(self.dev_clips, rows).cpu().numpy() for rows in batches]
        return {"dev_map": mean_average_precision(self.dev_clips.target, np.concatenate(scores))}

    def _probabilities(self, clips: WaveformSet, rows: range | list[int]) -> Tensor:
        waveform = torch.from_numpy(from_int16(clips.read(rows)))
        return self.model(waveform.to(self.device)).probabilities


def mean_average_precision(target: np.ndarray, scores: np.ndarray) -> float:
    """Mean over the classes with clips of (sum over the class's clips of precision there) / number.

    target: (clips, classes) bool; scores alike, float. Ties rank in the order of the clips.
    """
    order = np.argsort(-scores, axis=0, kind="stable")
    hits = np.take_along_axis(target, order, axis=0)
    precision = np.cumsum(hits, axis=0) / np.arange(1, len(hits) + 1)[:, None]
    num_hits = hits.sum(axis=0)
    present = num_hits > 0
    return float(np.mean((precision * hits).sum(axis=0)[present] / num_hits[present]))
