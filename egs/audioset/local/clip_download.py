"""One clip: fetched, cut to its seconds, decoded, written."""

import tempfile
from pathlib import Path

from data_config import Download
from fetch import FetchError, fetch
from segments import Segment
from youtube import fetch_section

from uss import audio

SHORTAGE_SECONDS = 0.25  # stage 1 tolerates as much
PARTIAL = ".partial"  # folder of what is being fetched; hidden from the search for clips
SUFFIX = ".flac"


def clip_path(segment: Segment, config: Download) -> Path:
    """The `Y` keeps ids that begin with `-` from looking like options."""
    return Path(config.folder) / segment.file / f"Y{segment.clip_id}{SUFFIX}"


def download_clip(segment: Segment, config: Download) -> None:
    """Write the clip's file, mono at the recording's own rate.

    Raises:
        FetchError: with the reason; nothing is left behind.
    """
    partial = Path(config.folder) / PARTIAL
    partial.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=partial) as folder:
        if config.program == "yt-dlp":
            file, start_seconds = fetch_section(segment, Path(folder), config), 0.0
        else:
            file, start_seconds = Path(folder) / "recording", segment.start_seconds
            url = config.url.format(id=segment.clip_id)
            fetch(url, file, config.timeout_seconds, config.timeout_seconds)
        write_clip(file, start_seconds, segment, clip_path(segment, config))


def write_clip(file: Path, start_seconds: float, segment: Segment, path: Path) -> None:
    """Cut, mix down, and write 16-bit FLAC; a mix above full scale is scaled down.

    Raises:
        FetchError: what came is no whole clip. OSError: the disk's fault, not the clip's.
    """
    try:
        waveform, rate = audio.decode(file, start_seconds, segment.duration_seconds)
    except audio.BadAudio as error:
        raise FetchError(str(error)) from None
    seconds = waveform.shape[1] / rate
    if seconds < segment.duration_seconds - SHORTAGE_SECONDS:
        raise FetchError(f"short: {seconds:.2f} s of {segment.duration_seconds:.2f} s")
    mono = waveform.mean(axis=0)
    mono /= max(1.0, float(abs(mono).max()))
    audio.write_audio(path, mono, rate, "FLAC", "PCM_16")
