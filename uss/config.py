"""YAML files into dataclasses, strictly: an unknown key names the nearest known one."""

import dataclasses
import difflib
import math
import os
import re
import types
import typing
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeVar

from uss.renamed import refuse_old_file, refuse_old_key
from uss.yaml_files import parse_yaml, read_yaml

T = TypeVar("T")

EXPONENT = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)[eE][-+]?[0-9]+")
MAX_INTEGER = 1 << 53  # every whole number up to here is a float too
MAX_FLOAT = 1e30  # larger than any setting, small enough to be multiplied
MAX_SHOWN = 80  # characters of a value in a message


def load(conf_dir: Path | str, name: str, cls: type[T], overrides: list[str] | None = None) -> T:
    """Read `conf_dir/name.yaml` into `cls`.

    Args:
        conf_dir: folder of the recipe's YAML files.
        name: the file's name without `.yaml`; `systems/mae_frozen` for a system.
        cls: the dataclass; nested dataclasses are nested mappings.
        overrides: `stem.key.key=value` strings; those whose first word is this file's are applied.

    Raises:
        ValueError: with file and key, for anything that does not fit.
    """
    path = Path(conf_dir) / f"{name}.yaml"
    refuse_old_file(path)
    content = read_yaml(path)
    content = {} if content is None else content
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected `key: value` lines")
    for override in overrides or []:
        keys, value = split_override(override)
        if keys[0] == path.stem:
            _put(content, keys[1:], value, override)
    return from_dict(cls, content, str(path))


def split_override(override: str) -> tuple[list[str], Any]:
    """`train.steps=10` -> (["train", "steps"], 10)."""
    name, equals, text = override.partition("=")
    keys = name.split(".")
    shown = " ".join(override.split())
    if not equals or len(keys) < 2 or not all(keys):
        raise ValueError(f"--set {shown}: expected FILE.KEY=VALUE, such as train.steps=10")
    try:
        return keys, parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"--set {shown}: {text!r} is not a YAML value ({error})") from None


def _put(content: dict, keys: list[str], value: Any, override: str) -> None:
    for key in keys[:-1]:
        content = content.setdefault(key, {})
        if not isinstance(content, dict):
            raise ValueError(f"--set {override}: {key} has no keys of its own")
    content[keys[-1]] = value


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 as a string; everybody else reads a number."""
    if isinstance(value, str) and EXPONENT.fullmatch(value):
        return float(value)
    return value


def expanded(path: str) -> str:
    """A path with `~` and `~user` as the shell has them. Raises ValueError for an unknown user."""
    result = os.path.expanduser(path)
    if result.startswith("~"):
        raise ValueError(f"{path!r}: no such user; a file of that name is ./{path}")
    return result


def to_dict(config: Any) -> dict:
    return dataclasses.asdict(config)


def from_dict(cls: type[T], content: dict, origin: str) -> T:
    """Build `cls` from nested dictionaries; `origin` (a file's name) leads every message."""
    return _build(cls, content, origin, "")


def _build(cls: type, content: dict, origin: str, prefix: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in content:
        if key not in fields:
            refuse_old_key(origin, str(key), fields)
            known = nearest(str(key), fields)
            raise ValueError(
                f"{origin}: unknown key {prefix}{_shown(key, str)}; the nearest known one is "
                f"{prefix}{known}"
            )
    hints = typing.get_type_hints(cls)
    values = {}
    for name, field in fields.items():
        if name in content:
            values[name] = _convert(hints[name], content[name], origin, prefix + name)
        elif field.default is field.default_factory is dataclasses.MISSING:
            raise ValueError(f"{origin}: key {prefix}{name} is missing")
    try:
        return cls(**values)
    except ValueError as error:
        raise ValueError(f"{origin}: {prefix}{error}") from None


def nearest(word: str, known: Iterable[str]) -> str:
    """The known word that is most like the one given."""
    return difflib.get_close_matches(word[:MAX_SHOWN], list(known), n=1, cutoff=0.0)[0]


def _shown(value: Any, text: Callable[[Any], str] = repr) -> str:
    whole = " ".join(text(value).split())
    return whole if len(whole) <= MAX_SHOWN else f"{whole[:MAX_SHOWN]}..."


def _convert(hint: Any, value: Any, origin: str, key: str) -> Any:
    arguments = typing.get_args(hint)
    container = typing.get_origin(hint)
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        if isinstance(value, dict):
            return _build(hint, value, origin, f"{key}.")
    elif container is typing.Literal:
        if value in arguments and not isinstance(value, bool):
            return value
        known = ", ".join(map(str, arguments))
        raise ValueError(f"{origin}: {key} is {_shown(value)}, not one of: {known}")
    elif container in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        for argument in arguments:
            if argument is not type(None):
                try:
                    return _convert(argument, value, origin, key)
                except ValueError as error:
                    failure = error
        raise failure
    elif container is list:
        if isinstance(value, list):
            return [_convert(arguments[0], item, origin, f"{key}[]") for item in value]
    elif hint is float or hint is int:
        number = _number(value)
        if isinstance(number, int | float) and not isinstance(number, bool):
            if hint is float and math.isfinite(number) and abs(number) < MAX_FLOAT:
                return float(number)
            if hint is int and abs(number) <= MAX_INTEGER and number == int(number):
                return int(number)
    elif isinstance(value, hint):
        return value
    name = "mapping" if dataclasses.is_dataclass(hint) else getattr(hint, "__name__", str(hint))
    raise ValueError(f"{origin}: {key} is {_shown(value)}, expected {name}{_hint(hint, value)}")


def _hint(hint: Any, value: Any) -> str:
    """How to write it, where a value looks like what is expected, and is not."""
    if hint is str:
        return " (in quotes)"
    if isinstance(value, str):
        if hint is bool and value.lower() in ("yes", "no", "on", "off", "y", "n"):
            return " (write true or false)"
        if hint in (int, float) and not isinstance(_number(value), str):
            largest = MAX_INTEGER if hint is int else f"{MAX_FLOAT:g}"
            return f" (a number of at most {largest})"
        if hint in (int, float) and value[:1] in tuple("+-.0123456789"):
            return " (write decimal digits alone, without leading zeros)"
    return ""
