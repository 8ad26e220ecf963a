"""PANNs' 14-layer CNN (Kong et al., arXiv 1912.10211): the query net and the event detector.

Both models have the same weights under the same keys; they differ in how they pool over time.
"""

from typing import NamedTuple, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from uss.models.initialise import xavier
from uss.models.log_mel import LogMel
from uss.models.resampling import refuse_odd_rates, resampled
from uss.schema import PannsModel


class ClipOutput(NamedTuple):
    """embedding (batch, channels[-1]), probabilities (batch, num_classes)."""

    embedding: Tensor
    probabilities: Tensor


class FrameOutput(NamedTuple):
    """framewise (batch, frames, num_classes), probabilities (batch, num_classes)."""

    framewise: Tensor
    probabilities: Tensor


class ConvBlock(nn.Module):
    """Two 3x3 convolutions, each with BatchNorm and ReLU."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, padding=1, bias=False)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.bn2 = nn.BatchNorm2d(out_channels)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu_(self.bn1(self.conv1(x)))
        return F.relu_(self.bn2(self.conv2(x)))


class Panns(nn.Module):
    """What both models share: log-mel, BatchNorm over mel bands, blocks, two linear layers.

    Attributes:
        sample_rate: of the waveforms that it hears, in Hz: the model's, unless `hear` sets another.
        maximum_of: for each class, the columns of fc_audioset whose maximum is its probability;
            None: a column a class.

    The published networks drop out units and mask spectrograms in training; ours do not, so that
    a step depends on nothing but the seed, the step number and the weights.
    """

    def __init__(self, model: PannsModel):
        super().__init__()
        self.model_rate = self.sample_rate = model.sample_rate
        self.maximum_of = model.maximum_of
        self.log_mel = LogMel(
            model.sample_rate,
            model.window_size,
            model.hop_size,
            model.mel_bins,
            model.fmin,
            model.fmax,
        )
        self.bn0 = nn.BatchNorm2d(model.mel_bins)
        self.num_blocks = len(model.channels)
        inputs = [1, *model.channels]
        for block, channels in enumerate(model.channels):
            self.add_module(f"conv_block{block + 1}", ConvBlock(inputs[block], channels))
        self.fc1 = nn.Linear(model.channels[-1], model.channels[-1])
        self.fc_audioset = nn.Linear(model.channels[-1], model.num_classes)
        xavier(self)

    def hear(self, sample_rate: int) -> None:
        """Take waveforms at another rate from now on, which are resampled to the model's.

        Raises ValueError where the two rates have hardly a common divisor.
        """
        refuse_odd_rates("PANNs network", self.model_rate, sample_rate)
        self.sample_rate = sample_rate

    @property
    def frame_samples(self) -> float:
        """Samples of the waveforms that it hears from one frame to the next."""
        return self.log_mel.stft.hop_size * self.sample_rate / self.model_rate

    @property
    def num_classes(self) -> int:
        """Of its probabilities."""
        return len(self.maximum_of) if self.maximum_of else self.fc_audioset.out_features

    def probabilities(self, hidden: Tensor) -> Tensor:
        """(..., channels[-1]) -> (..., num_classes)."""
        columns = torch.sigmoid(self.fc_audioset(hidden))
        if not self.maximum_of:
            return columns
        return torch.stack([columns[..., few].amax(dim=-1) for few in self.maximum_of], dim=-1)

    def segments(self, waveform: Tensor) -> tuple[Tensor, int]:
        """(batch, samples) -> (batch, channels[-1], segments), and the number of frames.

        A segment is 2 ** (num_blocks - 1) frames: 32, 0.32 s, for the published networks.
        """
        log_mel = self.log_mel(resampled(waveform, self.sample_rate, self.model_rate, sharp=True))
        x = self.bn0(log_mel.transpose(1, 2).unsqueeze(3))  # (batch, mel bands, frames, 1)
        x = x.permute(0, 3, 2, 1)
        for block in range(1, self.num_blocks + 1):
            x = self.get_submodule(f"conv_block{block}")(x)
            if block < self.num_blocks:
                x = F.avg_pool2d(x, 2)
        return x.mean(dim=3), log_mel.shape[1]


AnyPanns = TypeVar("AnyPanns", bound=Panns)


class Cnn14(Panns):
    """Pools over time before the linear layers: one embedding a clip."""

    def forward(self, waveform: Tensor) -> ClipOutput:
        """waveform (batch, samples) at `sample_rate`, in [-1, 1]."""
        segments, _ = self.segments(waveform)
        pooled = segments.amax(dim=2) + segments.mean(dim=2)
        embedding = F.relu(self.fc1(pooled))
        return ClipOutput(embedding, self.probabilities(embedding))


class Cnn14DecisionLevelMax(Panns):
    """Decides for every segment; a clip's probability is the largest of its segments'."""

    def forward(self, waveform: Tensor) -> FrameOutput:
        """waveform (batch, samples) at `sample_rate`, in [-1, 1]."""
        segments, num_frames = self.segments(waveform)
        pooled = F.max_pool1d(segments, 3, 1, 1) + F.avg_pool1d(segments, 3, 1, 1)
        hidden = F.relu(self.fc1(pooled.transpose(1, 2)))
        segmentwise = self.probabilities(hidden)
        frames_per_segment = 2 ** (self.num_blocks - 1)
        # Frames after the last whole segment take its value.
        frame = torch.arange(num_frames, device=waveform.device)
        segment = (frame // frames_per_segment).clamp(max=segmentwise.shape[1] - 1)
        return FrameOutput(segmentwise[:, segment], segmentwise.amax(dim=1))
