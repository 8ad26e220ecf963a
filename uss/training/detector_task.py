"""Stage 2's task: the sound event detector, from the weak labels of whole clips."""

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy

from uss.audio import from_int16
from uss.data.waveforms import WaveformSet
from uss.distributed import share
from uss.models.panns import Cnn14DecisionLevelMax
from uss.schema import Detector
from uss.seeding import rng


class DetectorTask:
    """Binary cross-entropy on the clips' probabilities, batches balanced over the classes.

    Args:
        model: the detector.
        clips: of the train split.
        dev_clips: of the development split.
        detector: its training, and what is done to the clips of a batch.
        device: to train on.
    """

    def __init__(
        self,
        model: Cnn14DecisionLevelMax,
        clips: WaveformSet,
        dev_clips: WaveformSet,
        detector: Detector,
        device: torch.device,
    ) -> None:
        self.model = model.to(device)
        self.clips = clips
        self.dev_clips = dev_clips
        self.detector = detector
        self.training = detector.training
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

    def inputs(self, step: int) -> dict[str, np.ndarray]:
        batch = self.batch(step)
        target = share(batch["target"]).astype(np.float32)
        return {"waveform": share(batch["waveform"]), "target": target}

    def loss(self, inputs: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        probabilities = self.model(inputs["waveform"]).probabilities
        # The loss refuses those that are not finite; the trainer skips a batch that has some.
        loss = binary_cross_entropy(probabilities.nan_to_num(0.5), inputs["target"])
        return torch.where(probabilities.isfinite().all(), loss, torch.nan), {}

    def batch(self, step: int) -> dict[str, np.ndarray]:
        """What a step hears: rows (batch,), waveform (batch, samples) float32, target (batch,
        classes) bool. To each of the first clips, `mixed_fraction` of them, the next is added."""
        rows = self.rows(step)
        waveform, target = from_int16(self.clips.read(rows)), self.clips.target[rows]
        if self.detector.max_speed_octaves:
            limit = self.detector.max_speed_octaves
            drawn = self._rng("detector_speed", step).uniform(-limit, limit, len(rows))
            pairs = zip(waveform, drawn.tolist(), strict=True)
            waveform = np.stack([at_speed(clip, 2**octaves) for clip, octaves in pairs])
        num_mixed = round(self.detector.mixed_fraction * len(rows))
        others = np.roll(np.arange(len(rows)), -1)[:num_mixed]
        waveform[:num_mixed] += waveform[others]
        target[:num_mixed] |= target[others]
        return {"rows": np.array(rows), "waveform": waveform, "target": target}

    def evaluate(self) -> dict[str, float]:
        """Mean average precision on the development clips, over the classes that have any."""
        size = self.training.batch_size
        starts = range(0, len(self.dev_clips), size)
        batches = [range(start, min(start + size, len(self.dev_clips))) for start in starts]
        waveforms = (from_int16(self.dev_clips.read(rows)) for rows in batches)
        outputs = (self.model(torch.from_numpy(one).to(self.device)) for one in waveforms)
        scores = [output.probabilities.cpu().numpy() for output in outputs]
        return {"dev_map": mean_average_precision(self.dev_clips.target, np.concatenate(scores))}


def at_speed(waveform: np.ndarray, speed: float) -> np.ndarray:
    """(samples,) played `speed` times as fast, by linear interpolation; cut, or silent at its end,
    to the same length. Pitch and duration change together, as with another size of the source."""
    times = np.arange(len(waveform)) * speed
    return np.interp(times, np.arange(len(waveform)), waveform, right=0).astype(np.float32)


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
