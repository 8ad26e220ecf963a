"""What every entry point shares: options, logging, and how errors end."""

import argparse
import io
import logging
import os
import select
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from uss.faults import sentence
from uss.recipe_config import check_overrides

logger = logging.getLogger(__name__)


class Parser(argparse.ArgumentParser):
    """Ends with status 2 and one line for an override that fits no YAML of the recipe."""

    def parse_args(self, args=None, namespace=None):  # type: ignore[override]
        options = super().parse_args(args, namespace)
        try:
            check_overrides(options.conf, options.overrides)
        except ValueError as error:
            self.exit(2, f"{error}\n")
        return options


def parser(doc: str) -> argparse.ArgumentParser:
    """A parser with the options of all entry points; `doc` is the module's docstring."""
    result = Parser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    result.add_argument("--conf", type=Path, default=Path("conf"), help="folder of YAML files")
    result.add_argument(
        "--set",
        dest="overrides",
        action="append",
        default=[],
        metavar="FILE.KEY=VALUE",
        help="override one key of one YAML, such as train.steps=10",
    )
    return result


def add_systems(options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    options.add_argument(
        "--systems", nargs="+", required=True, metavar="SYSTEM", help="names in conf/systems/"
    )
    return options


def add_name(options: argparse.ArgumentParser) -> argparse.ArgumentParser:
    options.add_argument("--name", required=True, help="of the experiment: exp/<name>/")
    return options


def run(main: Callable[[list[str] | None], None]) -> None:
    """Run an entry point: a fault of the user's or the system's is one line and exit 1, a bug
    keeps its traceback. SIGTERM, SIGHUP and Ctrl-C leave no half-written files.

    Of several processes that train together, the first one speaks; the others only warn.
    """
    start_log()
    end_cleanly_on_signals()
    try:
        main(None)
        if sys.stdout is not None:
            sys.stdout.flush()
    except KeyboardInterrupt:
        logger.error("interrupted: what was finished is kept, and nothing else")
        sys.exit(130)
    except SystemExit as end:
        if end.code in (128 + signal.SIGTERM, 128 + signal.SIGHUP):
            logger.error("ended by a signal: what was finished is kept, and nothing else")
        raise
    except Exception as error:
        if isinstance(error, BrokenPipeError) and stdout_has_no_reader():
            drop_stdout()
            sys.exit(141)  # as `head` ends other programs: the reader has what it wanted
        if isinstance(error, OSError) and not stdout_takes_all():
            drop_stdout()
        said = sentence(error)
        if said is None:
            logger.exception("this is a bug")
        else:
            logger.error("%s", said)
        sys.exit(1)


def start_log() -> None:
    number = os.environ.get("SLURM_PROCID", "0") if "NUM_PROCESSES" in os.environ else "0"
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if os.environ.get("USS_LOG"):
        handlers.append(
            logging.FileHandler(
                os.environ["USS_LOG"], encoding="utf-8", errors="backslashreplace", delay=True
            )
        )
    logging.basicConfig(
        level=logging.INFO if number == "0" else logging.WARNING,
        format="%(asctime)s %(levelname)s %(module)s: "
        + ("" if number == "0" else f"process {number}: ")
        + "%(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
        handlers=handlers,
    )
    logging.captureWarnings(True)
    logging.raiseExceptions = False  # a log on a full disk; the terminal has the message too
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # names of files that are no UTF-8


def end_cleanly_on_signals() -> None:
    """A signal that would end the process at once becomes an exception, so that temporary files
    go; a training handles them otherwise."""

    def end(number: int, frame: object) -> None:
        for other in handled:
            signal.signal(other, signal.SIG_IGN)  # nothing interrupts the tidying up
        sys.exit(128 + number)

    handled = [n for n in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(n) == signal.SIG_DFL]
    for number in handled:
        signal.signal(number, end)


def stdout_has_no_reader() -> bool:
    if sys.stdout is None:  # closed by the shell: `>&-`
        return False
    poll = select.poll()
    poll.register(sys.stdout.fileno(), 0)
    return bool(poll.poll(0))


def stdout_takes_all() -> bool:
    try:
        if sys.stdout is not None:
            sys.stdout.flush()
    except OSError:
        return False
    return True


def drop_stdout() -> None:
    """What it still holds would fail once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
