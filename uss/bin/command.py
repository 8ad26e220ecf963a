"""What every entry point shares: options, logging, and how errors end."""

import argparse
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path

from uss.files import DISK_ERRORS
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
    """Run an entry point: a user's error is one line and exit 1, a bug keeps its traceback.

    Of several processes that train together, the first one speaks; the others only warn.
    """
    number = os.environ.get("SLURM_PROCID", "0") if "NUM_PROCESSES" in os.environ else "0"
    handlers: list[logging.Handler] = [logging.StreamHandler()]
    if os.environ.get("USS_LOG"):
        handlers.append(logging.FileHandler(os.environ["USS_LOG"]))
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
    try:
        main(None)
    except ValueError as error:
        logger.error("%s", error)
        sys.exit(1)
    except OSError as error:
        if error.errno not in DISK_ERRORS:
            logger.exception("this is a bug")
        else:
            logger.error(
                "%s; make room there, or make it writable, and run again: what was finished is "
                "kept, and nothing else",
                error,
            )
        sys.exit(1)
    except Exception:
        logger.exception("this is a bug")
        sys.exit(1)
