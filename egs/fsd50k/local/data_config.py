"""The dataclass of this recipe's data.yaml."""

from dataclasses import dataclass
from typing import Literal

from uss.config import expanded
from uss.data.published_weights import Weights


@dataclass
class Data:
    """data.yaml, stage 0: where FSD50K's files are."""

    source: Literal["folder", "archives", "download"]
    folder: str  # with FSD50K.dev_audio, ...; archives are unpacked to it
    archives: str  # folder of the zip files; they are downloaded to it
    record: str  # URL of Zenodo's description of the files
    left_out: list[str]  # labels, in vocabulary.csv's spelling, that are not used
    weights: Weights

    def __post_init__(self) -> None:
        self.folder = expanded(self.folder)
        self.archives = expanded(self.archives)
