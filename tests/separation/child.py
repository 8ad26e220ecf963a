"""The command `uss` in a child of this process, which has imported all that takes seconds."""

import logging
import os
import resource
import signal
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import soundfile

import uss.separation.batch  # noqa: F401  so that a child need not
from uss.bin import cli

LIMIT_SECONDS = 10  # of a processor
MAX_BYTES = 8 << 30  # of address space


def try_commands(model: Path, sound: Path, output: Path) -> list[str]:
    """What went wrong in `uss`: a traceback, a hang, a status of its own, sound that is none."""
    separate = ["separate", str(sound), "--model", str(model), "--class", "0", "--residual"]
    separate += ["--output", str(output)]
    commands = [["info", str(model)], ["classes", "--model", str(model)], separate]
    commands += [[*separate[:4], "--auto", "--output", f"{output}_auto"]]
    faults = []
    for command in commands:
        faults += [f"{command[0]}: {fault}" for fault in try_command(command)]
    for path in Path(output.parent).rglob("*.wav"):
        if path != sound and not np.isfinite(soundfile.read(path)[0]).all():
            faults.append(f"{path} is not finite")
    return faults


def try_command(arguments: list[str]) -> list[str]:
    """What went wrong: a traceback, no end, a status of its own, a page in place of a line."""
    with tempfile.TemporaryFile() as said:
        child = os.fork()
        if child == 0:
            run_command(arguments, said.fileno())
        status = wait_for(child)
        said.seek(0)
        text = said.read().decode(errors="replace")
    if status is None:
        return ["no end"]
    errors = [line for line in text.splitlines() if " ERROR " in line]
    if "Traceback" in text or status not in (0, 1):
        return [f"status {status}: {text.strip()[-300:]}"]
    if status == 1 and not errors:
        return ["status 1 without a word"]
    return [f"{len(line)} characters" for line in errors if len(line) > 2000]


def run_command(arguments: list[str], output: int) -> None:
    """Never returns."""
    status = 70
    try:
        for stream in (1, 2):
            os.dup2(output, stream)
        sys.stderr = sys.stdout = open(2, "w", buffering=1, closefd=False)  # noqa: SIM115
        resource.setrlimit(resource.RLIMIT_AS, (MAX_BYTES, MAX_BYTES))
        resource.setrlimit(resource.RLIMIT_CPU, (LIMIT_SECONDS, LIMIT_SECONDS + 1))
        sys.argv = ["uss", *arguments]
        logging.getLogger().handlers.clear()
        cli.console()
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else 1
    finally:
        sys.stderr.flush()
        os._exit(status)


def wait_for(child: int) -> int | None:
    """Its status, as a shell gives it; None where it has to be killed."""
    end = time.monotonic() + 6 * LIMIT_SECONDS  # other processes may keep this one waiting
    while time.monotonic() < end:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
