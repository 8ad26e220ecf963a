"""One clip's seconds from YouTube, by the program yt-dlp."""

import errno
import os
import re
import shutil
import subprocess
from pathlib import Path

from uss.data.fetch import FetchError

from .child_programs import ChildPrograms
from .data_config import Download
from .segments import Segment

# Texts of yt-dlp's and YouTube's errors, in lower case with straight apostrophes. They are tried in
# this order: a refusal or a fault of the program may begin like a video that is gone.
BUSY = re.compile(
    "http error 429|too many requests|not a bot|rate-limited|captcha"
    "|try again later|try again in a|http error 503"
)
UNREADABLE = re.compile(  # YouTube has changed, and this yt-dlp does not know it
    r"this app\b|this device|latest version of youtube|requested format|no video formats"
    r"|on other websites|extract|nsig|signature|update yt-dlp|drm\b|needs to be reloaded"
)
# Not about the video, though it may say `video`, `unavailable` or `removed` too.
NOT_THE_VIDEO = re.compile(
    r"on this website|administrator|http error|unable to |failed to |please report this issue"
    r"|getaddrinfo|\[errno|\[ssl|timed out"
)
GONE = re.compile(
    "private video|video is private"
    "|video has been (removed|deleted|blocked)|video was (removed|deleted)|been removed by"
    "|video is no longer available|video (isn't|is not) available anymore"
    "|video does(n't| not) exist"
    "|account associated with this video has been|uploader has closed"
    "|available in your (country|region|location)"
    "|who has blocked it (in|on)|blocked it in your country|on copyright grounds|copyright claim"
    "|confirm your age|age-restricted|inappropriate for some users"
    "|members-only|members only|channel's members|join this channel"
    "|requires payment|music premium|this live (stream recording is not available|event has ended)"
    # bare: the video is deleted, or hidden from this country
    r"|video unavailable\W*$|this video (is unavailable|is not available|isn't available)\W*$"
)
DISK = {
    "no space left on device": errno.ENOSPC,
    "disk quota exceeded": errno.EDQUOT,
    "read-only file system": errno.EROFS,
}


def require_programs() -> None:
    """Raises ValueError where yt-dlp or ffmpeg, which it cuts with, is not installed."""
    for program, remedy in (
        ("yt-dlp", "pip install -e '.[download]' in the repository, or pip install yt-dlp"),
        ("ffmpeg", "the system's package, or a static build"),
    ):
        if shutil.which(program) is None:
            raise ValueError(
                f"downloading from YouTube needs {program}, which is not installed ({remedy}); "
                "or choose another data.source"
            )


def likely_cause() -> str:
    """Of a run of failures."""
    try:
        done = subprocess.run(
            ["yt-dlp", "--version"], capture_output=True, text=True, errors="replace", timeout=30
        )
        version = done.stdout.strip()
    except (OSError, subprocess.TimeoutExpired):
        version = ""
    here = f"here is {version}, " if re.fullmatch(r"\d{4}\.[\d.]+", version) else ""
    return (
        f"an old yt-dlp is the likely cause ({here}pip install -U yt-dlp gets a new one), else the "
        "network, or YouTube refuses this machine"
    )


def fetch_section(
    segment: Segment, folder: Path, config: Download, programs: ChildPrograms
) -> Path:
    """The segment's audio as YouTube has it, in `folder`.

    Raises:
        FetchError: with yt-dlp's last line as reason.
        OSError: the disk is full.
    """
    command = [
        "yt-dlp",
        *("--ignore-config", "--no-playlist", "--quiet", "--no-warnings", "--no-progress"),
        *("--format", "bestaudio/best"),
        *("--download-sections", f"*{segment.start_seconds:.3f}-{segment.end_seconds:.3f}"),
        *("--socket-timeout", "30", "--retries", "2", "--extractor-retries", "0"),
        *("--output", str(folder / "section.%(ext)s")),
        *config.yt_dlp_options,
        *("--", config.url.format(id=segment.clip_id)),
    ]
    try:
        status, messages = programs.run(command, config.timeout_seconds)
    except subprocess.TimeoutExpired:
        raise FetchError(f"no clip within {config.timeout_seconds:g} s") from None
    if status != 0:
        check_disk(messages, config.folder)
        raise failure(messages)
    files = [path for path in folder.glob("section.*") if path.suffix not in (".part", ".ytdl")]
    if len(files) != 1:
        raise FetchError("yt-dlp wrote no file")
    return files[0]


def check_disk(messages: str, folder: str) -> None:
    """Raises OSError where yt-dlp or its ffmpeg says that the disk is full."""
    for text, number in DISK.items():
        if text in messages.lower():
            raise OSError(number, os.strerror(number), folder)


def failure(messages: str) -> FetchError:
    """What yt-dlp says on its standard error, as one of our kinds."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    reason = errors[-1].removeprefix("ERROR: ") if errors else "yt-dlp gave no reason"
    text = re.sub(r"^\[[\w:]+\] \S+: ", "", reason).lower().replace("’", "'")  # without its id
    shown = reason[:200]
    if BUSY.search(text):
        return FetchError(shown, "busy")
    if UNREADABLE.search(text):
        return FetchError(shown, "unreadable")
    if GONE.search(text) and not NOT_THE_VIDEO.search(text):
        return FetchError(shown, "gone")
    return FetchError(shown)
