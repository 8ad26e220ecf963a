"""What libsndfile does not read, through ffmpeg: one file, and nothing that its bytes point to.

The demuxer is the one of the content, and no other: none of those in `kinds.py` opens a second
file or an address. ffmpeg writes into a pipe, so that it ends with us, and has a limit of time.
"""

import os
import resource
import select
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import BinaryIO

from uss.audio_files.view import BadAudio

# A file of 1 MB holds minutes; ffmpeg decodes each in a tenth of a second.
CPU_SECONDS, CPU_SECONDS_PER_MB = 8, 10
STALL_SECONDS = 300  # without a byte: the disk, not the file
MAX_BYTES, MAX_RATIO = 2**30, 1000  # of what is decoded: the least, and times the file's size


class NeedsFfmpeg(ValueError):
    """No fault of the file: another machine reads it."""

    def __init__(self) -> None:
        super().__init__("needs ffmpeg, which is not installed")


def decode_with_ffmpeg(path: Path, demuxer: str, seconds: float | None) -> BinaryIO:
    """The first audio stream as an AU file of 32-bit floats, which has no name.

    seconds: decode no more than this; None: all.

    Raises:
        BadAudio: with ffmpeg's reason. NeedsFfmpeg. OSError: the system's fault.
    """
    if shutil.which("ffmpeg") is None:
        raise NeedsFfmpeg
    command = ["ffmpeg", "-nostdin", "-v", "error", "-xerror", "-threads", "1"]
    command += ["-protocol_whitelist", "file", "-format_whitelist", demuxer, "-f", demuxer]
    if demuxer == "mov":  # by default too: a track may name another file
        command += ["-enable_drefs", "0", "-use_absolute_path", "0"]
    command += ["-i", f"file:{path.absolute()}", "-map", "0:a:0", "-map_metadata", "-1"]
    command += [] if seconds is None else ["-t", f"{seconds:.3f}"]
    # AU: the only format whose length may stay open and that is read beyond 4 GB.
    command += ["-c:a", "pcm_f32be", "-f", "au", "pipe:1"]
    decoded: BinaryIO = tempfile.TemporaryFile()  # noqa: SIM115 (the caller closes it)
    try:
        with tempfile.TemporaryFile() as messages:
            _run(command, path, decoded, messages)
        return decoded
    except BaseException:
        decoded.close()
        raise


def _run(command: list[str], path: Path, decoded: BinaryIO, messages: BinaryIO) -> None:
    size = path.stat().st_size
    cpu_seconds = CPU_SECONDS + size * CPU_SECONDS_PER_MB // 10**6
    too_long = f"not audio (ffmpeg does not come to an end within {cpu_seconds} s)"
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages
    )
    try:
        assert process.stdout is not None
        try:
            resource.prlimit(process.pid, resource.RLIMIT_CPU, (cpu_seconds, cpu_seconds + 1))
        except ProcessLookupError:
            pass  # it has ended already
        _copy(process.stdout.fileno(), decoded, MAX_BYTES + MAX_RATIO * size)
        _, wait_status, usage = os.wait4(process.pid, 0)
        status = process.returncode = os.waitstatus_to_exitcode(wait_status)
    finally:
        if process.returncode is None:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
    messages.seek(0)
    lines = messages.read(2**16).decode(errors="replace").strip().splitlines()
    if status == 0 and not lines:
        return
    _read_through(path)
    if usage.ru_utime + usage.ru_stime > cpu_seconds - 1:
        raise BadAudio(too_long)
    if status < 0 and -status not in (4, 6, 7, 8, 11):  # those are crashes, at what the file holds
        raise OSError(f"ffmpeg was ended by signal {-status}: '{path}'")
    reason = lines[-1] if lines else f"it ended with status {status}"
    raise BadAudio(f"not audio, or damaged (ffmpeg: {_shortened(reason, path)})")


def _copy(source: int, target: BinaryIO, max_bytes: int) -> None:
    num_bytes = 0
    while True:
        if not select.select([source], [], [], STALL_SECONDS)[0]:
            raise TimeoutError(f"ffmpeg gave nothing for {STALL_SECONDS} s")
        block = os.read(source, 2**20)
        if not block:
            break
        num_bytes += len(block)
        if num_bytes > max_bytes:
            raise BadAudio(f"not audio (more than {max_bytes} bytes of samples come from it)")
        try:
            target.write(block)
            target.flush()
        except OSError as error:
            raise OSError(error.errno, error.strerror, tempfile.gettempdir()) from None


def _read_through(path: Path) -> None:
    """Raises OSError where the system does not let the file be read to its end: ffmpeg's reason
    does not tell a bad disk from a bad file."""
    with open(path, "rb") as file:
        while file.read(2**20):
            pass


def _shortened(reason: str, path: Path) -> str:
    return reason.replace(f"file:{path.absolute()}: ", "")[:200]
