"""detector.yaml: the shape of PANNs, and their training."""

from dataclasses import dataclass, field

from uss import ranges
from uss.schema.limits import fraction, rate
from uss.schema.training_settings import Training


def _front_end(model: "PannsModel | DetectorModel") -> None:
    ranges.windows(model.window_size, model.hop_size)
    ranges.channels(model.channels)
    ranges.mel_bands(model.mel_bins, model.fmin, model.fmax, len(model.channels))


@dataclass
class DetectorModel:
    """What a recipe chooses of a PANNs network; rate and classes come with the data."""

    window_size: int = 1024
    hop_size: int = 320
    mel_bins: int = 64
    fmin: float = 50.0
    fmax: float = 14000.0
    channels: list[int] = field(default_factory=lambda: [64, 128, 256, 512, 1024, 2048])

    def __post_init__(self) -> None:
        _front_end(self)


@dataclass(kw_only=True)
class PannsModel(DetectorModel):
    """A PANNs network (Cnn14 and Cnn14_DecisionLevelMax share their weights' names)."""

    sample_rate: int
    num_classes: int  # columns of the last layer
    # For each class the columns whose maximum is its probability; null: a column a class.
    maximum_of: list[list[int]] | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        rate(self.sample_rate)
        ranges.sizes(num_classes=self.num_classes)
        if self.fmax > self.sample_rate / 2:
            raise ValueError(
                f"fmax is {self.fmax}, must be at most half the sample rate {self.sample_rate}"
            )
        for columns in self.maximum_of or []:
            if not columns or min(columns) < 0 or max(columns) >= self.num_classes:
                raise ValueError(
                    f"maximum_of names the columns {columns}, of num_classes {self.num_classes}"
                )


@dataclass
class Detector:
    """detector.yaml, stage 2: sound event detector and query encoder in one."""

    training: Training
    model: DetectorModel = field(default_factory=DetectorModel)
    mixed_fraction: float = 0.0  # of a batch's clips, to which another one and its labels are added
    max_speed_octaves: float = 0.0  # clips are played faster or slower by up to this

    def __post_init__(self) -> None:
        fraction(mixed_fraction=self.mixed_fraction)
        ranges.within(0, 2, max_speed_octaves=self.max_speed_octaves)
