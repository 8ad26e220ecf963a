"""The dataclass of this recipe's data.yaml."""

from dataclasses import dataclass
from typing import Literal

from uss.config import expanded
from uss.data.published_weights import Weights


@dataclass
class Local:
    """A local copy of AudioSet's clips."""

    folders: list[str]  # searched with their subfolders; of a clip's files the first one is taken

    def __post_init__(self) -> None:
        self.folders = [expanded(folder) for folder in self.folders]


@dataclass
class Packed:
    """HDF5 files of audioset_tagging_cnn or bytedance/uss, read where they are."""

    files: list[str]  # paths; `*` stands for any part of a name

    def __post_init__(self) -> None:
        self.files = [expanded(file) for file in self.files]


@dataclass
class Download:
    """Where clips are downloaded from, and how politely."""

    program: Literal["yt-dlp", "http"]  # http: the URL serves a whole recording as a file
    url: str  # {id} stands for the YouTube id
    folder: str
    num_parallel: int
    seconds_between_requests: float  # of all downloads together
    backoff_seconds: float  # first pause after a refusal; doubles, up to 15 minutes
    timeout_seconds: float  # of one try of one clip
    max_attempts: int  # tries of a clip, over all runs
    max_failures_in_a_row: int  # gone or failed: then the run stops, and writes none of them off
    yt_dlp_options: list[str]

    def __post_init__(self) -> None:
        self.folder = expanded(self.folder)
        if "{id}" not in self.url:
            raise ValueError(f"url is {self.url!r}, must hold {{id}}")
        for key in ("num_parallel", "max_attempts", "max_failures_in_a_row"):
            if getattr(self, key) < 1:
                raise ValueError(f"{key} is {getattr(self, key)}, must be at least 1")
        for key in ("seconds_between_requests", "backoff_seconds"):
            if getattr(self, key) < 0:
                raise ValueError(f"{key} is {getattr(self, key)}, must not be negative")
        if self.timeout_seconds <= 0:
            raise ValueError(f"timeout_seconds is {self.timeout_seconds}, must be positive")


@dataclass
class Data:
    """data.yaml, stage 0: which clips, and where their audio comes from."""

    source: Literal["local", "packed", "download"]
    local: Local
    packed: Packed
    download: Download
    segments_folder: str
    segments_url: str  # {file} stands for the name of a list
    train_segments: list[str]
    eval_segments: list[str]
    seed: int
    num_dev_clips_per_class: int
    weights: Weights

    def __post_init__(self) -> None:
        self.segments_folder = expanded(self.segments_folder)
        if not self.train_segments or not self.eval_segments:
            raise ValueError("train_segments and eval_segments must each name a file")
        if "{file}" not in self.segments_url:
            raise ValueError(f"segments_url is {self.segments_url!r}, must hold {{file}}")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, must be at least 0")
        if self.num_dev_clips_per_class < 1:
            raise ValueError(
                f"num_dev_clips_per_class is {self.num_dev_clips_per_class}, must be at least 1"
            )
