"""The dataclass of this recipe's data.yaml."""

from dataclasses import dataclass

from uss.config import expanded


@dataclass
class Data:
    """data.yaml, stage 0."""

    audio: str | None  # folder of the set
    query_seconds: float  # of each stem of each training track

    def __post_init__(self) -> None:
        if self.query_seconds <= 0:
            raise ValueError(f"query_seconds is {self.query_seconds}, must be positive")
        if self.audio is not None:
            self.audio = expanded(self.audio)
