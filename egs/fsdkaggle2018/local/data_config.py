"""The dataclass of this recipe's data.yaml."""

from dataclasses import dataclass


@dataclass
class Data:
    """data.yaml, stage 0."""

    audio: str  # the folder with FSDKaggle2018.audio_train, .audio_test and .meta
    dev_every: int  # the one in so many training clips of a class that is for development

    def __post_init__(self) -> None:
        if self.dev_every < 2:
            raise ValueError(f"dev_every is {self.dev_every}, must be at least 2")
