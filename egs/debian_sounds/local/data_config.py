"""The dataclass of this recipe's data.yaml."""

from dataclasses import dataclass
from typing import Literal

from uss.config import expanded


@dataclass
class EventsPerClass:
    """Events of each class in a split; in dev and eval more, where a class has more recordings."""

    train: int
    dev: int
    eval: int

    def __post_init__(self) -> None:
        if min(self.train, self.dev, self.eval) < 1:
            raise ValueError("train, dev and eval must be at least 1")


@dataclass
class Data:
    """data.yaml, stage 0: where the packages are and how clips are built from their sounds."""

    packages: str | None  # folder that holds the .deb and .whl files; null: downloaded
    labelled: Literal["small", "large"]  # large: more recordings, of more packages, in training
    unlabelled: Literal["none", "small", "large"]  # the packages' other audio, for pretraining
    seed: int
    num_folds: int  # parts that are evaluated in turn
    fold: int  # the one that is evaluated here, from 0
    dev_fraction: float  # of a class's groups; the same ones whatever the fold
    overlapping: list[list[str]]  # names of two classes that must not meet
    events_per_class: EventsPerClass
    sample_rate: int
    clip_seconds: float
    max_events: int  # of a clip; their number is drawn evenly from 1 .. max_events
    max_event_seconds: float  # longer recordings give varying excerpts of this length
    min_gap_seconds: float  # between two events, and between an event and the clip's ends
    highpass_hertz: float
    trim_db: float  # silence at a recording's ends: this far below its loudest 20 ms
    event_dbfs: list[float]  # lowest and highest RMS of an event
    floor_dbfs: list[float]  # lowest and highest RMS of the ambience

    def __post_init__(self) -> None:
        if self.packages is not None:
            self.packages = expanded(self.packages)
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, must be at least 0")
        if not 0 < self.dev_fraction < 1:
            raise ValueError(f"dev_fraction is {self.dev_fraction}, must be between 0 and 1")
        if self.num_folds < 2:
            raise ValueError(f"num_folds is {self.num_folds}, must be at least 2")
        if not 0 <= self.fold < self.num_folds:
            raise ValueError(f"fold is {self.fold}, must be from 0 to {self.num_folds - 1}")
        for pair in self.overlapping:
            if len(pair) != 2:
                raise ValueError(f"overlapping has {pair}, must be pairs of class names")
        if self.sample_rate < 8000:
            raise ValueError(f"sample_rate is {self.sample_rate}, must be at least 8000")
        if self.max_events < 1:
            raise ValueError(f"max_events is {self.max_events}, must be at least 1")
        for key in ("max_event_seconds", "trim_db", "highpass_hertz"):
            if getattr(self, key) <= 0:
                raise ValueError(f"{key} is {getattr(self, key)}, must be positive")
        if self.min_gap_seconds < 0:
            raise ValueError(f"min_gap_seconds is {self.min_gap_seconds}, must not be negative")
        if self.max_event_seconds + 2 * self.min_gap_seconds > self.clip_seconds:
            raise ValueError(
                f"max_event_seconds is {self.max_event_seconds}: with a gap of "
                f"{self.min_gap_seconds} s on each side it does not fit clip_seconds "
                f"{self.clip_seconds}"
            )
        for key in ("event_dbfs", "floor_dbfs"):
            levels = getattr(self, key)
            if len(levels) != 2 or not levels[0] <= levels[1] <= 0:
                raise ValueError(f"{key} is {levels}, must be two rising levels, none above 0")
