"""The dataclass of this recipe's data.yaml."""

from dataclasses import dataclass

from uss.config import expanded


@dataclass
class Data:
    """data.yaml, stage 0."""

    audio: str | None  # folder of the set
    queries: str  # folder of clean speech, below `audio`
    num_queries: int  # files of it

    def __post_init__(self) -> None:
        if self.num_queries < 1:
            raise ValueError(f"num_queries is {self.num_queries}, must be at least 1")
        if self.audio is not None:
            self.audio = expanded(self.audio)
