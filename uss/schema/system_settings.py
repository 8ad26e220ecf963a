"""systems/<name>.yaml: one separator."""

from dataclasses import dataclass, field
from typing import Literal

from uss import ranges
from uss.schema.limits import at_most, fraction, positive


@dataclass
class Stft:
    window_size: int = 1024
    hop_size: int = 320

    def __post_init__(self) -> None:
        ranges.windows(self.window_size, self.hop_size)
        if self.hop_size > self.window_size / 2:
            raise ValueError(f"hop_size is {self.hop_size}, must be at most half of window_size")


@dataclass
class SystemAmae:
    """What the separator takes from the A-MAE."""

    features: Literal["none", "paper", "aligned", "log_mel"] = "none"
    fusion: Literal["concat", "channel", "bottleneck", "film"] = "concat"
    pretrained: bool = True  # false: the A-MAE's weights before any training, as a control
    updated: bool = False
    source: Literal["cached", "live"] = "cached"
    learning_rate: float = 1e-5  # of the A-MAE's blocks, where updated

    def __post_init__(self) -> None:
        positive(learning_rate=self.learning_rate)
        if self.updated and self.source == "cached":
            raise ValueError("source is cached, but updated features change: write source: live")
        if self.features == "log_mel" and (self.updated or self.fusion != "film"):
            raise ValueError(
                "features is log_mel, which has nothing to update and goes with fusion: film alone"
            )

    @property
    def on_grid(self) -> bool:
        """Whether the features keep their grid of columns and mel patches."""
        return self.fusion in ("bottleneck", "film")


@dataclass
class System:
    """systems/<name>.yaml: one separator."""

    query: Literal["embedding", "at_soft"] = "embedding"
    query_norm: Literal["none", "rms"] = "none"  # rms: scaled to a root mean square of 1
    query_from: Literal["target", "class"] = "target"  # in training; class: see query_mix
    query_mix: float = 0.5  # share of training queries of another anchor, or the mean, of the class
    initial_mask: Literal["random", "half"] = "random"  # half: 1/2 everywhere before any training
    transposed_gain: float = 1.0  # of initial weights; 2 keeps the size of what comes from below
    normalization: Literal["joint", "none", "per_signal"] = "joint"
    stft: Stft = field(default_factory=Stft)
    channels: list[int] = field(default_factory=lambda: [32, 64, 128, 256, 384, 384])
    amae: SystemAmae = field(default_factory=SystemAmae)

    def __post_init__(self) -> None:
        fraction(query_mix=self.query_mix)
        positive(transposed_gain=self.transposed_gain)
        at_most(100, transposed_gain=self.transposed_gain)
        ranges.channels(self.channels)

    @property
    def query_field(self) -> str:
        """Which of the query encoder's outputs, under its name in files and batches."""
        return "embedding" if self.query == "embedding" else "probabilities"
