"""Stage 4's task: the A-MAE, from unlabelled audio of which most is masked."""

import logging
import math
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor
from torchaudio.functional import resample

from uss.audio import dbfs, from_int16
from uss.data.mixing import energy_match
from uss.data.waveforms import WaveformSet
from uss.distributed import share
from uss.models.audio_mae import AudioMae, draw_kept_patches
from uss.models.filterbank import Filterbank, measure
from uss.schema import Amae, AmaeModel, Anchors
from uss.seeding import rng
from uss.training.acceleration import accelerate, amae_networks
from uss.training.batch_reader import on_device

MIN_PEAK = 1e-10
MAX_REDRAWS = 20  # of a silent segment
NUM_MEASURED_BATCHES = 32
NUM_EVALUATED_BATCHES = 16

logger = logging.getLogger(__name__)


class Segments:
    """Random segments of packed clips; those below `silence_dbfs` are drawn again.

    Args:
        sets: the clips, all equally likely.
        anchors: for the segments' length and the level of silence.
        seed: of the training.
    """

    def __init__(self, sets: list[WaveformSet], anchors: Anchors, seed: int) -> None:
        self.sets = sets
        self.starts = np.cumsum([0, *[len(clips) for clips in sets]])
        self.num_samples = round(anchors.segment_seconds * sets[0].sample_rate)
        self.silence_dbfs = anchors.silence_dbfs
        self.seed = seed

    def batch(self, *index: int, size: int) -> np.ndarray:
        """Batch number `index`: (size, samples) float32, a pure function of seed and index."""
        generator = rng(self.seed, "amae_batch", *index)
        return np.stack([self._segment(generator) for _ in range(size)])

    def _segment(self, generator: np.random.Generator) -> np.ndarray:
        for _ in range(MAX_REDRAWS):
            clip = int(generator.integers(self.starts[-1]))
            number = int(np.searchsorted(self.starts, clip, side="right")) - 1
            clips = self.sets[number]
            start = int(generator.integers(clips.num_samples - self.num_samples + 1))
            waveform = clips.read([clip - int(self.starts[number])])[0]
            segment = from_int16(waveform[start : start + self.num_samples])
            if dbfs(segment) >= self.silence_dbfs:
                break
        return segment


def shown(segments: Segments, amae: Amae, index: int) -> Tensor:
    """Batch number `index` as separators will show it to the A-MAE, (batch, samples): a part mixed
    with other segments at equal energy, all with a peak of 1."""
    size = amae.training.batch_size
    waveform = torch.from_numpy(segments.batch(index, size=size))
    num_mixed = round(amae.mixed_fraction * size)
    if num_mixed:
        others = torch.from_numpy(segments.batch(index, 1, size=num_mixed))
        waveform[:num_mixed] += energy_match(waveform[:num_mixed], others)
    return waveform / waveform.abs().amax(dim=1, keepdim=True).clamp(min=MIN_PEAK)


class MaskedAutoencodingTask:
    """Mean squared error on the masked patches, each normalised by itself.

    Args:
        model: the A-MAE.
        segments: of the training audio.
        dev_segments: of audio that is held out.
        amae: for the mask and the training.
        sample_rate: of the segments, in Hz.
        device: to train on.
    """

    def __init__(
        self,
        model: AudioMae,
        segments: Segments,
        dev_segments: Segments,
        amae: Amae,
        sample_rate: int,
        device: torch.device,
    ) -> None:
        self.model = model.to(device)
        accelerate(amae_networks(self.model), device)
        self.segments = segments
        self.dev_segments = dev_segments
        self.amae = amae
        self.sample_rate = sample_rate
        self.device = device

    def parameter_groups(self, learning_rate: float) -> list[dict]:
        return [{"params": list(self.model.parameters()), "lr": learning_rate}]

    def inputs(self, step: int) -> dict[str, np.ndarray]:
        # All of a batch is drawn, and then shared: a draw depends on the draws before it.
        return {name: share(array) for name, array in self._inputs(self.segments, step).items()}

    def loss(self, inputs: dict[str, Tensor]) -> tuple[Tensor, dict[str, Tensor]]:
        rate = self.model.model.sample_rate
        fbank = self.model.fbank(resample(inputs["waveform"], self.sample_rate, rate))
        return self.model.pretraining_loss(fbank, inputs["kept"]), {}

    def batch(self, step: int) -> dict[str, np.ndarray]:
        return {"waveform": shown(self.segments, self.amae, step).numpy()}

    def evaluate(self) -> dict[str, float]:
        """The loss on held-out audio."""
        numbers = range(NUM_EVALUATED_BATCHES)
        batches = (on_device(self._inputs(self.dev_segments, n), self.device) for n in numbers)
        losses = [self.loss(batch)[0].item() for batch in batches]
        return {"dev_loss": float(np.mean(losses))}

    def _inputs(self, segments: Segments, index: int) -> dict[str, np.ndarray]:
        training = self.amae.training
        rate = self.model.model.sample_rate
        num_samples = math.ceil(segments.num_samples * rate / self.sample_rate)  # resampled
        kept = draw_kept_patches(
            rng(training.seed, "amae_mask", index),
            training.batch_size,
            self.model.columns(num_samples) * self.model.num_bands,
            self.amae.mask_ratio,
        )
        return {"waveform": shown(segments, self.amae, index).numpy(), "kept": kept.numpy()}


def measured(amae: Amae, segments: Segments, sample_rate: int) -> AmaeModel:
    """The A-MAE's shape, with mean and deviation of the filterbank on the first training batches
    where its YAML gives none. sample_rate is the segments'."""
    model = amae.model
    if model.mean is not None:
        return model
    batches = (
        resample(shown(segments, amae, index), sample_rate, model.sample_rate)
        for index in range(NUM_MEASURED_BATCHES)
    )
    mean, std = measure(Filterbank(model.sample_rate, model.mel_bins), batches)
    logger.info("log-mel filterbank: mean %.4f, standard deviation %.4f", mean, std)
    return replace(model, mean=mean, std=std)
