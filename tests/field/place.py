"""A folder for one case, and the real commands in it with a limit of time."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from tests.field.case import Done, Skip, Wrong
from tests.helpers.tiny_experiment import tiny_experiment

ROOT = Path(__file__).resolve().parents[2]
CASES = ROOT / "tests" / "fixtures" / "cases"
RATE = 16000


class Place:
    """A new folder, the working directory of the case's commands."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = tiny_experiment() / "exp" / "one" / "resunet"

    def copy(self, name: str, target: str | None = None) -> Path:
        """A file of tests/fixtures/cases/, here."""
        path = self.folder / (target or Path(name).name)
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(CASES / name, path))

    def wav(self, name: str, seconds: float = 1.0, rate: int = RATE, **options) -> Path:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, sound(seconds, rate), rate, **options)
        return path

    def environment(self, **variables: str | Path | None) -> dict[str, str]:
        """As after `. ./path.sh`; None takes a variable away."""
        result = os.environ | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "OMP_NUM_THREADS": "1",
        }
        result |= {name: str(value) for name, value in variables.items() if value is not None}
        return {k: v for k, v in result.items() if k not in variables or variables[k] is not None}

    def run(
        self,
        *command: str | bytes | Path,
        seconds: float = 120,
        cwd: Path | None = None,
        limits: tuple[str, ...] = (),
        **variables: str | Path | None,
    ) -> Done:
        """limits: options of prlimit, such as --fsize=2000."""
        words = [*(("prlimit", *limits) if limits else ()), *command]
        process = self.start(*words, cwd=cwd, **variables)
        try:
            output, _ = process.communicate(timeout=seconds)
            status: int | None = process.returncode
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, status = process.communicate()[0], None
        return Done(status, output.decode(errors="replace"))

    def start(self, *command: str | bytes | Path, cwd: Path | None = None, **variables):
        return subprocess.Popen(
            [os.fsencode(word) if not isinstance(word, bytes) else word for word in command],
            cwd=cwd or self.folder,
            env=self.environment(**variables),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )

    def separate_command(self, *words: str | bytes | Path) -> list:
        """`uss separate` with the tiny model, class 0, into out/, unless `words` say otherwise."""
        command = ["python", "-P", "-m", "uss", "separate", *words]
        for option, value in (("--model", self.model), ("--output", "out")):
            if option not in words:
                command += [option, value]
        if not {"--class", "--query", "--auto"} & set(words):
            command += ["--class", "0"]
        return command

    def separate(self, *words: str | bytes | Path, **options) -> Done:
        return self.run(*self.separate_command(*words), **options)

    def uss(self, module: str, *words: str | Path, **options) -> Done:
        """An entry point: python -m uss.bin.<module>."""
        return self.run("python", "-P", "-m", f"uss.bin.{module}", *words, **options)

    def outputs(self, output: str = "out") -> dict[str, tuple[np.ndarray, int]]:
        """Path below the output folder -> (samples, channels) and rate, as the records list."""
        found = {}
        for path in sorted((self.folder / output).rglob("separation.json")):
            for one in json.loads(path.read_text(encoding="utf-8"))["outputs"].values():
                file = path.parent / one["file"]
                found[os.fsdecode(file)] = soundfile.read(os.fsencode(file), always_2d=True)
        return found

    def seconds(self, output: str = "out") -> float:
        """Of the one output; 0 where there is none."""
        lengths = [len(samples) / rate for samples, rate in self.outputs(output).values()]
        return lengths[0] if lengths else 0.0

    def recipe(self) -> Path:
        """A copy of the tiny recipe after stage 6."""
        return Path(shutil.copytree(tiny_experiment(), self.folder / "recipe"))

    def program(self, name: str, text: str) -> Path:
        """A program in a folder to be put into PATH; returns the folder."""
        folder = self.folder / "programs"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
        return folder

    def shim(self, source: Path) -> Path:
        """A library for LD_PRELOAD."""
        if shutil.which("gcc") is None:
            raise Skip("no gcc")
        library = self.folder / f"{source.stem}.so"
        subprocess.run(["gcc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        return library

    @contextlib.contextmanager
    def small_disk(self, folder: Path, size: str) -> Iterator[None]:
        if os.geteuid() != 0:
            raise Skip("only root can mount a small disk")
        folder.mkdir(parents=True, exist_ok=True)
        how = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", folder]
        if subprocess.run(how, capture_output=True).returncode != 0:
            raise Skip("no disk can be mounted here")
        try:
            yield
        finally:
            subprocess.run(["umount", "-l", folder], check=True)


def sound(seconds: float, rate: int = RATE) -> np.ndarray:
    """(samples,): a chirp, and a little noise."""
    rng = np.random.default_rng(0)
    time = np.arange(round(seconds * rate)) / rate
    return 0.2 * np.sin(2 * np.pi * (400 + 100 * time) * time) + 0.02 * rng.standard_normal(
        len(time)
    )


def need(program: str) -> None:
    if shutil.which(program) is None:
        raise Skip(f"no {program}")


def only(paths: list[Path]) -> Path:
    if len(paths) != 1:
        raise Wrong(f"{len(paths)} files where one was expected")
    return paths[0]
