"""Digests of files, and the record beside an output that decides whether to redo it."""

import hashlib
import json
import logging
import subprocess
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

from uss.faults import DISK_ERRORS as DISK_ERRORS
from uss.layout import stage_that_writes
from uss.writing import atomic as atomic
from uss.writing import link_or_copy as link_or_copy
from uss.writing import read_json, size_of, write_json
from uss.writing import to_json as to_json
from uss.writing import write_text as write_text

logger = logging.getLogger(__name__)


def meta_path(path: Path | str) -> Path:
    path = Path(path)
    return path.with_name(path.name + ".meta.json")


def digest(path: Path | str) -> str:
    """SHA-256 of a file, taken from its record where size and modification time still agree.

    Raises ValueError, naming the stage that writes it, where there is none.
    """
    path = Path(path)
    if not path.exists():
        raise ValueError(f"{path} is missing; {stage_that_writes(path)}")
    stat = path.stat()
    try:
        record = json.loads(meta_path(path).read_text(encoding="utf-8"))["output"]
        if (record["size"], record["mtime_ns"]) == (stat.st_size, stat.st_mtime_ns):
            return record["digest"]
    except (OSError, KeyError, TypeError, ValueError):
        pass
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_of(value: object) -> str:
    """SHA-256 of a value's JSON."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()


def digest_of_files(paths: list[Path]) -> str:
    """One digest of the contents of several files, in order."""
    return digest_of([digest(path) for path in paths])


def digest_of_stats(paths: list[Path]) -> str:
    """Digest of names, sizes and modification times: for many large files that others wrote."""
    stats = []
    for path in paths:
        stat = path.stat() if path.exists() else None
        stats.append([str(path), stat and stat.st_size, stat and stat.st_mtime_ns])
    return digest_of(stats)


def code_version() -> str:
    """The commit of the checkout ("-dirty" where edited), or the package's version."""
    root = Path(__file__).parents[1]  # its own .git: an installed package may lie in another's
    command = ["git", "-C", str(root), "--git-dir=.git", "describe", "--always", "--dirty"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return done.stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        from uss.version import __version__

        return __version__


class Step:
    """One output file, made from inputs and settings, with a record `<output>.meta.json`.

    Args:
        output: the file that the step writes.
        inputs: name -> path of a file (digested), or a digest (a str), or None (absent).
        settings: the configuration that the output depends on; JSON values only.

    The code version is recorded and never compared.
    """

    def __init__(
        self, output: Path | str, inputs: Mapping[str, Path | str | None], settings: dict
    ) -> None:
        self.output = Path(output)
        self.settings = json.loads(json.dumps(settings))
        self.inputs = {
            name: digest(value) if isinstance(value, Path) else value
            for name, value in inputs.items()
        }

    def is_current(self) -> bool:
        """Whether the output stands for these inputs and settings; logs the reason either way."""
        reason = self._reason()
        if reason is None:
            time = datetime.fromtimestamp(self.output.stat().st_mtime)
            logger.info("skip %s: unchanged since %s", self.output, time.strftime("%F %T"))
            return True
        logger.info("run %s: %s", self.output, reason)
        return False

    def require(self) -> dict:
        """What `finish` was told; raises ValueError unless the output stands for these inputs."""
        reason = self._reason()
        if reason is not None:
            raise ValueError(f"{self.output}: {reason}; {stage_that_writes(self.output)}")
        return read_facts(self.output)

    def _reason(self) -> str | None:
        if not self.output.exists():
            return "not there yet"
        try:
            meta = json.loads(meta_path(self.output).read_text(encoding="utf-8"))
            before_inputs, before_settings = meta["inputs"], meta["settings"]
            recorded = meta["output"]["digest"]
            beside = dict(meta.get("beside", {}))
        except (OSError, KeyError, TypeError, ValueError):
            return "its record is missing or broken"
        changed = changes(before_inputs, self.inputs)
        if changed:
            return "changed input: " + ", ".join(changed)
        changed = changes(before_settings, self.settings)
        if changed:
            return "changed setting: " + ", ".join(changed)
        if digest(self.output) != recorded:
            return "the file is not the one that was written"
        for name, size in beside.items():
            if size is None or size_of(self.output.parent / name) != size:
                return f"{name} is missing, or not the one that was written"
        return None

    def finish(self, beside: Iterable[Path] = (), /, **facts: object) -> None:
        """Record the output.

        Args:
            beside: what else was written, in the output's folder or below; its sizes are recorded,
                and the step is run again where one of them differs.
            facts: for readers (`read_facts`); they decide nothing.
        """
        stat = self.output.stat()
        meta_path(self.output).unlink(missing_ok=True)
        output = {
            "digest": digest(self.output),
            "size": stat.st_size,
            "mtime_ns": stat.st_mtime_ns,
        }
        meta = {
            "inputs": self.inputs,
            "settings": self.settings,
            "output": output,
            "beside": {
                path.relative_to(self.output.parent).as_posix(): size_of(path) for path in beside
            },
            "facts": facts,
            "code": code_version(),
        }
        write_json(meta_path(self.output), meta)


def changes(before: dict, after: dict, prefix: str = "") -> list[str]:
    """The keys (dotted) in which two nested dictionaries differ."""
    keys = []
    for key in sorted(before.keys() | after.keys()):
        old, new = before.get(key), after.get(key)
        if isinstance(old, dict) and isinstance(new, dict):
            keys += changes(old, new, f"{prefix}{key}.")
        elif key not in before or key not in after:
            keys.append(f"{prefix}{key} ({'new' if key in after else 'gone'})")
        elif old != new:
            shown = f" ({old} -> {new})" if max(len(str(old)), len(str(new))) <= 24 else ""
            keys.append(f"{prefix}{key}{shown}")
    return keys


def read_facts(output: Path | str) -> dict:
    """What `finish` was told of an output."""
    path = meta_path(output)
    if not path.exists():
        raise ValueError(f"{path} is missing; {stage_that_writes(output)}")
    return read_json(path)["facts"]
