"""What a mutated input does to an entry point: a child process runs it, and is judged."""

import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable

from uss.command import run

SECONDS = 10.0
MEMORY_BYTES = 4 << 30  # more than the parent has


def verdict(action: Callable[[], object]) -> str:
    """`ok` and `refused` are good; else what is wrong, with all that was said.

    Refused is a status of 1 or 2 and one line that is no traceback.
    """
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if child == 0:
            _run(action, said.fileno())
        status = _wait(child)
        said.seek(0)
        text = said.read()
    lines = [line for line in text.splitlines() if " INFO " not in line and " WARNING " not in line]
    if status is None:
        return f"hangs: {text}"
    if os.WIFSIGNALED(status):
        return f"killed by {signal.Signals(os.WTERMSIG(status)).name}: {text}"
    code = os.waitstatus_to_exitcode(status)
    if code == 0:
        return "ok"
    if code in (1, 2) and len(lines) == 1 and "this is a bug" not in text:
        return "refused"
    return f"status {code}: {text}"


def _run(action: Callable[[], object], output: int) -> None:
    """In the child; does not return."""
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.stderr = open(2, "w", closefd=False)  # pytest has its own
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    in_use = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (in_use + MEMORY_BYTES, hard))
    code = 0
    try:
        import logging

        logging.root.handlers.clear()
        run(lambda argv: action() and None)
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
    except BaseException as error:  # what would end the process with a traceback
        print(f"Traceback: {error!r}", flush=True)
        code = 3
    finally:
        sys.stderr.flush()
        os._exit(code)


def _wait(child: int) -> int | None:
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return status
        time.sleep(0.002)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return None
