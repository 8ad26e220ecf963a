"""One clip: fetched, cut to its seconds, decoded, written."""

import errno
import tempfile
from pathlib import Path

from uss import audio
from uss.data.fetch import FetchError, fetch
from uss.files import DISK_ERRORS

from .child_programs import ChildPrograms
from .data_config import Download
from .segments import Segment
from .youtube import fetch_section

SHORTAGE_SECONDS = 0.25  # stage 1 tolerates as much
PARTIAL = ".partial"  # folder of what is being fetched; hidden from the search for clips
SUFFIX = ".flac"
SYSTEM_ERRORS = (  # that no clip is to blame for
    *(errno.EIO, errno.ESTALE, errno.EFBIG, errno.EMFILE, errno.ENFILE, errno.ENOMEM),
)


def clip_path(segment: Segment, config: Download) -> Path:
    """The `Y` keeps ids that begin with `-` from looking like options."""
    return Path(config.folder) / segment.file / f"Y{segment.clip_id}{SUFFIX}"


def download_clip(segment: Segment, config: Download, programs: ChildPrograms) -> None:
    """Write the clip's file, mono at the recording's own rate.

    Raises:
        FetchError: with the reason; nothing is left behind.
        OSError: the disk is full, or the system refuses: no fault of the clip.
    """
    partial = Path(config.folder) / PARTIAL
    try:
        partial.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=partial, ignore_cleanup_errors=True) as folder:
            if config.program == "yt-dlp":
                file = fetch_section(segment, Path(folder), config, programs)
                start_seconds = 0.0
            else:
                file, start_seconds = Path(folder) / "recording", segment.start_seconds
                url = config.url.format(id=segment.clip_id)
                fetch(url, file, config.timeout_seconds, config.timeout_seconds)
            write_clip(file, start_seconds, segment, clip_path(segment, config))
    except OSError as error:
        if error.errno in (*DISK_ERRORS, *SYSTEM_ERRORS):
            raise
        raise FetchError(f"not written ({error})") from None


def write_clip(file: Path, start_seconds: float, segment: Segment, path: Path) -> None:
    """Cut, mix down, and write 16-bit FLAC; a mix above full scale is scaled down.

    Raises:
        FetchError: what came is no whole clip. OSError: the disk's fault, not the clip's.
    """
    try:
        waveform, rate = audio.decode(file, start_seconds, segment.duration_seconds)
    except audio.BadAudio as error:
        raise FetchError(str(error)) from None
    except RuntimeError as error:  # libsndfile's, whatever it met in this file
        raise FetchError(f"not audio ({error})") from None
    seconds = waveform.shape[1] / rate
    if seconds < segment.duration_seconds - SHORTAGE_SECONDS:
        raise FetchError(f"short: {seconds:.2f} s of {segment.duration_seconds:.2f} s")
    mono = waveform.mean(axis=0)
    mono /= max(1.0, float(abs(mono).max()))
    try:
        audio.write_audio(path, mono, rate, "FLAC", "PCM_16")
    except RuntimeError as error:
        raise FetchError(f"no FLAC at {rate} Hz ({error})") from None
