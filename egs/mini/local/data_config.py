"""The dataclass of this recipe's data.yaml."""

from dataclasses import dataclass


@dataclass
class Rounds:
    """Rounds of each split; every class sounds once a round, so these are events a class."""

    train: int
    dev: int
    eval: int

    def __post_init__(self) -> None:
        if min(self.train, self.dev, self.eval) < 1:
            raise ValueError("train, dev and eval must be at least 1")


@dataclass
class Data:
    """data.yaml, stage 0: how the clips are synthesised."""

    seed: int
    sample_rate: int
    clip_seconds: float
    num_rounds: Rounds
    events_per_clip: list[int]  # of the clips of one round; the sum is the number of classes
    max_event_fraction: float  # of a clip's duration, all its events together
    min_event_share: float  # shortest duration of an event, relative to its share of the above
    min_gap_seconds: float  # between two events, and between an event and the clip's ends
    event_dbfs: list[float]  # lowest and highest RMS of an event
    background_dbfs: list[float]  # lowest and highest RMS of the noise floor
    fade_seconds: float  # raised cosine at both ends of an event

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, must be at least 0")
        if self.sample_rate < 8000:
            raise ValueError(f"sample_rate is {self.sample_rate}; the sounds need 8000 or more")
        if not self.events_per_clip or min(self.events_per_clip) < 1:
            raise ValueError(f"events_per_clip is {self.events_per_clip}, must be positive")
        if not 0 < self.max_event_fraction <= 1 / 3:
            raise ValueError(f"max_event_fraction is {self.max_event_fraction}, not in (0, 1/3]")
        if not 0 < self.min_event_share <= 1:
            raise ValueError(f"min_event_share is {self.min_event_share}, not in (0, 1]")
        for key in ("event_dbfs", "background_dbfs"):
            levels = getattr(self, key)
            if len(levels) != 2 or not levels[0] <= levels[1] <= 0:
                raise ValueError(f"{key} is {levels}, must be two rising levels, none above 0")
        num_events = max(self.events_per_clip)
        shortest = self.clip_seconds * self.max_event_fraction / num_events * self.min_event_share
        if shortest < 0.5:
            raise ValueError(
                f"clip_seconds is {self.clip_seconds}: an event could last {shortest:.2f} s, less "
                "than the 0.5 s that the sounds need"
            )
        free_seconds = self.clip_seconds * (1 - self.max_event_fraction)
        if self.min_gap_seconds < 0 or self.min_gap_seconds * (num_events + 1) > free_seconds:
            raise ValueError(f"min_gap_seconds is {self.min_gap_seconds}, does not fit a clip")
        if not 0 <= self.fade_seconds <= 0.1:
            raise ValueError(f"fade_seconds is {self.fade_seconds}, not in [0, 0.1]")
