"""The real commands as functions for a trial, and what their outputs must be."""

import json
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

import numpy as np
import soundfile

BEYOND_SOUND = 1e7  # an input may have samples of 1e6


def separate(*options: str) -> Callable[[], None]:
    """`uss separate` with these options."""
    return uss("separate", *options)


def uss(*options: str) -> Callable[[], None]:
    def command() -> None:
        from uss.bin import cli

        sys.argv = ["uss", *options]
        cli.console()

    return command


def entry(module: str, *options: str) -> Callable[[], None]:
    """`python -m uss.bin.<module>` with these options."""

    def command() -> None:
        sys.argv = [module, *options]
        own = import_module(f"uss.bin.{module}")
        if module == "check_config":  # answers with exit status 2 by itself
            own.main()
        else:
            import_module("uss.command").run(own.main)

    return command


def under_run(main: Callable[[], object]) -> Callable[[], None]:
    """A function as an entry point would run it."""

    def command() -> None:
        from uss.command import run

        run(lambda argv: main())

    return command


def warm_up(*modules: str) -> None:
    """Import in the server what every trial needs."""
    import torch

    torch.set_num_threads(1)
    import_module("uss.command")
    for module in ("cli", *modules):
        import_module(f"uss.bin.{module}")
    for module in ("batch", "detection", "separation_report"):
        import_module(f"uss.separation.{module}")


def outputs(folder: Path) -> dict[str, np.ndarray]:
    """Name -> (samples, channels) of everything that the records below a folder list.

    Raises AssertionError where a record and its files disagree.
    """
    found: dict[str, np.ndarray] = {}
    records = list(folder.rglob("separation.json"))
    assert records, "status 0 and no record"
    for path in records:
        record = json.loads(path.read_text(encoding="utf-8"))
        for name, output in record["outputs"].items():
            samples, rate = soundfile.read(path.parent / output["file"], always_2d=True)
            audio = record["audio"]
            assert samples.shape == (audio["num_samples"], audio["channels"]), (
                f"{output['file']} has the shape {samples.shape}, its record says {audio}"
            )
            assert rate == audio["sample_rate"], f"{rate} Hz and {audio}"
            assert len(samples) > 0, "an output without samples"
            assert np.isfinite(samples).all(), f"{output['file']} is not finite"
            peak = np.abs(samples).max()
            assert peak < BEYOND_SOUND, f"{output['file']} has a sample of {peak:.3g}"
            values = [v for v in output.get("confidence") or [] if v is not None]
            assert np.isfinite(values).all(), f"the confidence is {values}"
            found[name] = samples
    return found


def faultless(check: Callable[[str], object]) -> Callable[[str], str | None]:
    """A check by assertions as one that returns what is wrong."""

    def checked(said: str) -> str | None:
        try:
            check(said)
        except AssertionError as error:
            return str(error)
        return None

    return checked
