"""amae.yaml: the shape of the A-MAE, its pretraining, its features."""

from dataclasses import dataclass, field

from uss import ranges
from uss.schema.limits import MAX_BATCH, at_least, at_most, fraction, positive, rate
from uss.schema.training_settings import Training


@dataclass
class AmaeModel:
    """The audio masked autoencoder (ViT-B/16 as published)."""

    sample_rate: int = 16000
    input_frames: int = 1024
    mel_bins: int = 128
    width: int = 768
    depth: int = 12
    heads: int = 12
    decoder_width: int = 512
    decoder_depth: int = 8
    decoder_heads: int = 16
    mean: float | None = None  # of the log-mel filterbank; null: measured on the training audio
    std: float | None = None

    def __post_init__(self) -> None:
        ranges.sizes(width=self.width, heads=self.heads)
        ranges.sizes(decoder_width=self.decoder_width, decoder_heads=self.decoder_heads)
        ranges.within(1, ranges.MAX_DEPTH, depth=self.depth)
        ranges.within(0, ranges.MAX_DEPTH, decoder_depth=self.decoder_depth)
        rate(self.sample_rate)
        ranges.input_size(self.input_frames, self.mel_bins)
        if self.input_frames % 32 or self.mel_bins % 16:
            raise ValueError("input_frames must be a multiple of 32 and mel_bins of 16")
        if self.width % self.heads or self.decoder_width % self.decoder_heads:
            raise ValueError("width must be a multiple of heads, in encoder and decoder")
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std are either both given or both null")
        if self.mean is not None and self.std is not None:
            positive(std=self.std)
            ranges.within(0, ranges.MAX_LOG_MEL, mean=abs(self.mean), std=self.std)


@dataclass
class Amae:
    """amae.yaml, stage 4: the A-MAE and its pretraining."""

    training: Training
    model: AmaeModel = field(default_factory=AmaeModel)
    mask_ratio: float = 0.8
    mixed_fraction: float = 0.5  # of the segments, which are mixed with another one
    mixtures_per_part: int = 1000  # mixtures of one part of cached features
    batch_size: int = 32  # mixtures a forward pass, for cached features

    def __post_init__(self) -> None:
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio is {self.mask_ratio}, must be between 0 and 1")
        fraction(mixed_fraction=self.mixed_fraction)
        at_least(1, mixtures_per_part=self.mixtures_per_part, batch_size=self.batch_size)
        at_most(MAX_BATCH, mixtures_per_part=self.mixtures_per_part, batch_size=self.batch_size)
