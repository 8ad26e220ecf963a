"""What is still to be downloaded, what it will take, and the download itself."""

import logging
import shutil
from functools import partial
from pathlib import Path

from .child_programs import ChildPrograms, signals_end_the_block
from .clip_download import PARTIAL, clip_path, download_clip
from .data_config import Download
from .download import SplitDownload, is_given_up, read_unavailable
from .segments import Segment
from .youtube import likely_cause, require_programs

MOST_BYTES_PER_SECOND = 48000 * 2  # mono at 48 kHz in 16 bits, before FLAC makes it smaller
SECONDS_PER_CLIP = 5.0  # assumed of one try, for the estimate

logger = logging.getLogger(__name__)


def download(splits: dict[str, list[Segment]], data: Path, config: Download) -> None:
    """Get every clip that is neither there nor given up.

    Raises:
        ValueError: a program is not installed, the disk is too small, or the server is down.
    """
    folder = Path(config.folder)
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(folder / PARTIAL, ignore_errors=True)  # of a run that was killed
    wanted = {
        split: still_wanted(split, segments, record_path(data, split), config)
        for split, segments in splits.items()
    }
    if not any(wanted.values()):
        return
    cause = server_is_down
    if config.program == "yt-dlp":
        require_programs()
        cause = likely_cause
    estimate([segment for segments in wanted.values() for segment in segments], config)
    programs = ChildPrograms()
    get = partial(download_clip, programs=programs)
    with signals_end_the_block():
        for split, segments in wanted.items():
            if segments:
                num_there = sum(clip_path(segment, config).is_file() for segment in splits[split])
                record = record_path(data, split)
                SplitDownload(
                    split, segments, num_there, record, config, get, cause, programs.end
                ).run()


def server_is_down() -> str:
    return "the network or the server is at fault"


def record_path(data: Path, split: str) -> Path:
    return data / split / "unavailable.csv"


def still_wanted(
    split: str, segments: list[Segment], record: Path, config: Download
) -> list[Segment]:
    there = {segment.clip_id for segment in segments if clip_path(segment, config).is_file()}
    unavailable = read_unavailable(record)
    given_up = {
        segment.clip_id
        for segment in segments
        if is_given_up(unavailable.get(segment.clip_id), config)
    } - there
    logger.info(
        "%s: %d clips to download, %d are there, %d are given up%s",
        split,
        len(segments) - len(there) - len(given_up),
        len(there),
        len(given_up),
        f" (reasons: {record})" if given_up else "",
    )
    return [segment for segment in segments if segment.clip_id not in there | given_up]


def estimate(wanted: list[Segment], config: Download) -> None:
    """Say what the download takes. Raises ValueError where the disk has less room."""
    num_bytes = sum(segment.duration_seconds for segment in wanted) * MOST_BYTES_PER_SECOND
    free = shutil.disk_usage(config.folder).free
    by_pace = len(wanted) * config.seconds_between_requests
    by_transfer = len(wanted) * SECONDS_PER_CLIP / config.num_parallel
    logger.info(
        "download of %d clips: at most %.1f GB in %s (%.1f GB are free); about %.1f h at %g s "
        "between requests and %d at a time, if one takes %g s",
        len(wanted),
        num_bytes / 1e9,
        config.folder,
        free / 1e9,
        max(by_pace, by_transfer) / 3600,
        config.seconds_between_requests,
        config.num_parallel,
        SECONDS_PER_CLIP,
    )
    if num_bytes > free:
        raise ValueError(
            f"the clips may take {num_bytes / 1e9:.1f} GB, but {config.folder} has "
            f"{free / 1e9:.1f} GB left: make data a link to a larger disk, or set "
            "data.download.folder"
        )
