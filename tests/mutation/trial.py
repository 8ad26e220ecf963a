"""One trial: a real command in a forked child, with limits of time and memory, and the verdict.

A server that has imported torch forks a child for each trial, which takes milliseconds where a new
process would take seconds. The server itself must not have trained: torch cannot fork after that.
"""

import itertools
import logging
import os
import re
import resource
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

SECONDS = 10.0  # of the child's own computing
WALL_SECONDS = 60.0  # on a machine that others use too, and for a child that only waits
MEMORY_BYTES = 2 * 2**30  # beyond what the server itself has
FILE_BYTES = 2**29  # of one file that is written

GOOD = ("ok", "refused")
BAD = ("traceback", "crash", "hang", "memory", "nonsense")
NO_MEMORY = re.compile(
    r"MemoryError|bad_alloc|allocate memory|nable to allocate|[Oo]ut of memory|enough memory"
)
ENTRY = re.compile(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (INFO|WARNING|ERROR) ")


class Trial(NamedTuple):
    """command: ends as an entry point does; check: after status 0, what is wrong with the outputs,
    or None. Both run in the mutant's folder; `check` is given what was said. expected: `ok` or
    `refused`, where only one of them is right."""

    name: str
    command: Callable[[], None]
    check: Callable[[str], str | None] = lambda said: None
    expected: str | None = None


class Verdict(NamedTuple):
    """word: of GOOD or BAD; detail: the decisive line."""

    word: str
    detail: str
    said: str


def attempt(trial: Trial, folder: Path) -> Verdict:
    log = folder / f"{trial.name}.log"
    process = os.fork()
    if process == 0:
        try:
            _child(trial, folder, log)
        finally:
            os._exit(99)  # never reached unless the set-up above fails
    in_time = _ends_in_time(process)
    try:
        os.killpg(process, signal.SIGKILL)  # what it left running, such as ffmpeg
    except ProcessLookupError:
        pass
    if not in_time:
        os.kill(process, signal.SIGKILL)
    _, status, usage = os.wait4(process, 0)
    said = log.read_text(encoding="utf-8", errors="replace") if log.exists() else ""
    word, detail = judge(in_time, status, usage.ru_maxrss * 1024, said)
    if word in GOOD and trial.expected not in (None, word):
        word, detail = "nonsense", f"{word}, and {trial.expected} is right: {detail}"
    return Verdict(word, detail, said)


def _child(trial: Trial, folder: Path, log: Path) -> None:
    os.setsid()
    os.chdir(folder)
    with open(log, "wb") as file, open(os.devnull) as nothing:
        os.dup2(nothing.fileno(), 0)
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    sys.stdout, sys.stderr = (open(number, "w", closefd=False) for number in (1, 2))
    logging.getLogger().handlers.clear()  # of a server that logs elsewhere
    limit = _data_bytes() + MEMORY_BYTES
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    status: int | str | None = 0
    try:
        trial.command()
    except SystemExit as end:
        status = end.code or 0
    except BaseException:
        traceback.print_exc()
        status = 1
    if status == 0:
        sys.stdout.flush()
        try:
            fault = trial.check(log.read_text(encoding="utf-8", errors="replace"))
        except Exception as error:
            fault = f"the output cannot be read: {error!r}"
        if fault:
            print(f"NONSENSE: {fault}", flush=True)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status if isinstance(status, int) else 1)


def _ends_in_time(process: int) -> bool:
    descriptor, end = os.pidfd_open(process), time.monotonic() + WALL_SECONDS
    try:
        while not select.select([descriptor], [], [], 0.5)[0]:
            if _computed_seconds(process) > SECONDS or time.monotonic() > end:
                return False
    finally:
        os.close(descriptor)
    return True


def _computed_seconds(process: int) -> float:
    """Of a process and those of its children that it has waited for."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _data_bytes() -> int:
    text = Path("/proc/self/status").read_text()
    return 1024 * int(re.search(r"VmData:\s+(\d+)", text)[1])


def judge(in_time: bool, status: int, peak_bytes: int, said: str) -> tuple[str, str]:
    lines = [line for line in said.splitlines() if line.strip()] or [""]
    if not in_time:
        return "hang", f"no end; last: {lines[-1]}"
    if os.WIFSIGNALED(status):
        return "crash", f"signal {signal.Signals(os.WTERMSIG(status)).name}; last: {lines[-1]}"
    if NO_MEMORY.search(said):
        return "memory", next(line for line in reversed(lines) if NO_MEMORY.search(line))
    if peak_bytes > resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 + MEMORY_BYTES:
        return "memory", f"{peak_bytes / 2**30:.1f} GiB"
    if "Traceback (most recent call last)" in said:
        return "traceback", _raised(lines)
    code = os.WEXITSTATUS(status)
    if code not in (0, 1, 2):
        return "crash", f"status {code}; last: {lines[-1]}"
    if code == 0:
        fault = [line for line in lines if line.startswith("NONSENSE: ")]
        return ("nonsense", fault[0][10:]) if fault else ("ok", "")
    errors = [line for line in lines if " ERROR " in line] or lines[-1:]
    if not errors[0].strip():
        return "nonsense", f"status {code}, and not a word of why"
    for line, after in itertools.pairwise(lines):
        if " ERROR " in line and ENTRY.match(line) and not ENTRY.match(after):
            return "nonsense", f"an error of several lines: {line!r}, {after!r}"
    return "refused", errors[0]


def _raised(lines: list[str]) -> str:
    """The exception's line of the last traceback, and where it was raised."""
    names = re.compile(r"^[A-Za-z_][\w.]*(Error|Exception|Warning|Interrupt|BadZipFile|\w*)(:|$)")
    error = next((line for line in reversed(lines) if names.match(line)), lines[-1])
    place = next((line.strip() for line in reversed(lines) if line.startswith('  File "')), "")
    return f"{error[:200]} ({place})"
