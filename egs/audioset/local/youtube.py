"""One clip's seconds from YouTube, by the program yt-dlp."""

import shutil
import subprocess
from pathlib import Path

from data_config import Download
from fetch import FetchError
from segments import Segment

# Texts of yt-dlp's and YouTube's errors. Refusals come first: some begin like a video that is gone.
BUSY = (
    "http error 429",
    "too many requests",
    "not a bot",
    "rate-limited",
    "try again later",
)
GONE = (
    "video unavailable",
    "private video",
    "this video is private",
    "has been removed",
    "is not available",
    "no longer available",
    "not made this video available in your country",
    "confirm your age",
    "account associated with this video has been terminated",
    "members-only",
    "http error 404",
    "http error 410",
)


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


def fetch_section(segment: Segment, folder: Path, config: Download) -> Path:
    """The segment's audio as YouTube has it, in `folder`.

    Raises:
        FetchError: with yt-dlp's last line as reason.
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
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            timeout=config.timeout_seconds,
        )
    except subprocess.TimeoutExpired:
        raise FetchError(f"no clip within {config.timeout_seconds:g} s") from None
    if done.returncode != 0:
        raise failure(done.stderr)
    files = [path for path in folder.glob("section.*") if path.suffix != ".part"]
    if len(files) != 1:
        raise FetchError("yt-dlp wrote no file")
    return files[0]


def failure(messages: str) -> FetchError:
    """What yt-dlp says on its standard error, as one of our kinds."""
    lines = [line.strip() for line in messages.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")] or lines
    reason = errors[-1].removeprefix("ERROR: ")[:200] if errors else "yt-dlp gave no reason"
    text = reason.lower().replace("’", "'")
    if any(words in text for words in BUSY):
        return FetchError(reason, "busy")
    if any(words in text for words in GONE):
        return FetchError(reason, "gone")
    return FetchError(reason)
