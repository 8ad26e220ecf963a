"""resample.yaml, anchors.yaml and mixtures.yaml: stages 1 to 3."""

from dataclasses import dataclass
from typing import Literal

from uss import ranges
from uss.schema.limits import MAX_BATCH, at_least, at_most, fraction, positive, rate


@dataclass
class Resample:
    """resample.yaml, stage 1: every clip decoded, resampled, mixed down and packed once."""

    sample_rate: int = 32000
    clip_seconds: float = 10.0  # packed length: shorter clips are zero-padded, longer ones cut
    clips_per_part: int = 500  # clips of one HDF5 part: the unit of work of a shard
    max_rejected_fraction: float = 0.05  # of a split; above it the stage fails
    silence_dbfs: float = -60.0  # a clip whose RMS is below is rejected as silent

    def __post_init__(self) -> None:
        rate(self.sample_rate)
        at_least(1, clips_per_part=self.clips_per_part)
        positive(clip_seconds=self.clip_seconds)
        at_most(3600, clip_seconds=self.clip_seconds)
        at_most(MAX_BATCH, clips_per_part=self.clips_per_part)
        fraction(max_rejected_fraction=self.max_rejected_fraction)


@dataclass
class Anchors:
    """anchors.yaml, stage 2: where in a clip a labelled class sounds."""

    # detected: by the sound event detector; events: true times (events.csv); loudest: the loudest
    # stretch, for clips that hold one event.
    method: Literal["detected", "events", "loudest"] = "detected"
    segment_seconds: float = 2.0
    silence_dbfs: float = -60.0  # an anchor whose RMS is below is dropped and counted
    batch_size: int = 16  # clips a forward pass

    def __post_init__(self) -> None:
        positive(segment_seconds=self.segment_seconds)
        at_most(3600, segment_seconds=self.segment_seconds)
        at_least(1, batch_size=self.batch_size)
        at_most(MAX_BATCH, batch_size=self.batch_size)


@dataclass
class Mixtures:
    """mixtures.yaml, stage 3."""

    num_train: int | None = None  # listed rows of the training stream, which wraps there; null: as
    # many as stage 5 reads, steps x batch_size of train.yaml
    seed: int = 0
    num_query_per_class: int = 100
    num_dev_per_class: int = 100
    num_eval_per_class: int = 100

    def __post_init__(self) -> None:
        at_least(0, seed=self.seed)
        if self.num_train is not None:
            ranges.within(1, 1_000_000_000, num_train=self.num_train)
        at_least(
            1,
            num_query_per_class=self.num_query_per_class,
            num_dev_per_class=self.num_dev_per_class,
            num_eval_per_class=self.num_eval_per_class,
        )
        for key in ("num_query_per_class", "num_dev_per_class", "num_eval_per_class"):
            at_most(MAX_BATCH, **{key: getattr(self, key)})
