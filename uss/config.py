"""YAML files into dataclasses, strictly: an unknown key names the nearest known one."""

import dataclasses
import difflib
import math
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")


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
    if not path.exists():
        raise ValueError(f"{path} is missing")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
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
    if not equals or len(keys) < 2 or not all(keys):
        raise ValueError(f"--set {override}: expected FILE.KEY=VALUE, such as train.steps=10")
    try:
        return keys, yaml.safe_load(text)
    except yaml.YAMLError:
        raise ValueError(f"--set {override}: {text!r} is not a YAML value") from None


def _put(content: dict, keys: list[str], value: Any, override: str) -> None:
    for key in keys[:-1]:
        content = content.setdefault(key, {})
        if not isinstance(content, dict):
            raise ValueError(f"--set {override}: {key} has no keys of its own")
    content[keys[-1]] = value


def _number(value: Any) -> Any:
    """YAML 1.1 reads 1e-3 as a string; everybody else reads a number."""
    if isinstance(value, str):
        try:
            return float(value)
        except ValueError:
            return value
    return value


def to_dict(config: Any) -> dict:
    return dataclasses.asdict(config)


def from_dict(cls: type[T], content: dict, origin: str) -> T:
    """Build `cls` from nested dictionaries; `origin` (a file's name) leads every message."""
    return _build(cls, content, origin, "")


def _build(cls: type, content: dict, origin: str, prefix: str) -> Any:
    fields = {field.name: field for field in dataclasses.fields(cls)}
    for key in content:
        if key not in fields:
            close = difflib.get_close_matches(str(key), fields, n=1, cutoff=0.0)
            raise ValueError(
                f"{origin}: unknown key {prefix}{key}; the nearest known one is {prefix}{close[0]}"
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
        raise ValueError(f"{origin}: {key} is {value!r}, not one of: {known}")
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
    elif hint is float:
        value = _number(value)
        if isinstance(value, int | float) and not isinstance(value, bool):
            if math.isfinite(value):
                return float(value)
    elif hint is int:
        value = _number(value)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return value
    elif isinstance(value, hint):
        return value
    name = "mapping" if dataclasses.is_dataclass(hint) else getattr(hint, "__name__", str(hint))
    quotes = " (in quotes)" if hint is str else ""
    raise ValueError(f"{origin}: {key} is {value!r}, expected {name}{quotes}")
