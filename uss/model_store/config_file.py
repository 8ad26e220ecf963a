"""config.yaml of a model directory: read and checked before anything is built from it.

A model directory may come from anywhere. What stands here must be plain YAML, as `write_config`
writes it; what the values may be, the dataclasses say (uss.schema, and the facts below).
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from uss import ranges
from uss.checksums import shown
from uss.config import from_dict
from uss.renamed import FILES
from uss.schema import AmaeModel, PannsModel
from uss.yaml_files import read_yaml

MAX_NUMBER = 2**53
KINDS = ("separator", "detector", "audio_mae")

T = TypeVar("T")


@dataclass
class SeparatorFacts:
    """What a separator's inputs determine. sample_rate in Hz; query_size: values of the query;
    amae: the shape of its A-MAE, null where it has none; code: the commit that trained it."""

    sample_rate: int
    query_size: int
    amae: AmaeModel | None = None
    code: str | None = None

    def __post_init__(self) -> None:
        ranges.within(*ranges.SAMPLE_RATES, sample_rate=self.sample_rate)
        ranges.sizes(query_size=self.query_size)


@dataclass
class DetectorFacts:
    model: PannsModel
    code: str | None = None


@dataclass
class AmaeFacts:
    model: AmaeModel
    code: str | None = None


def read_config_file(path: Path) -> dict:
    """The mapping, with `facts` in any case; ValueError, with path and key, where it is broken."""
    if not path.exists():
        raise ValueError(f"{path} is missing: {path.parent} is no model directory")
    remedy = remedy_of(path)
    content = read_yaml(path, remedy)
    try:
        if not isinstance(content, dict):
            raise ValueError("expected `key: value` lines")
        _refuse_other_values(content, "")
        config = {"facts": {}, **content}
        _refuse_other_types(config)
    except ValueError as error:
        raise ValueError(f"{path} is broken: {shown(error)}; {remedy}") from None
    return config


def remedy_of(path: Path) -> str:
    return f"copy it again, or remove {path.parent} and train again"


def _refuse_other_values(value: object, key: str) -> None:
    """Raises ValueError where a number is none that a config.yaml has."""
    if isinstance(value, dict):
        for inner, content in value.items():
            _refuse_other_values(content, f"{key}.{inner}".lstrip("."))
    elif isinstance(value, list):
        for content in value:
            _refuse_other_values(content, f"{key}[]")
    elif isinstance(value, int | float) and not abs(value) <= MAX_NUMBER:
        raise ValueError(f"{key} is {value}, which is out of all proportion")


def _refuse_other_types(config: dict) -> None:
    """Of the keys that all kinds of models share, where they are there."""
    if config.get("kind") in FILES:
        new = FILES[config["kind"]]
        raise ValueError(f"the kind {config['kind']} is called {new} now: write kind: {new}")
    if "kind" in config and config["kind"] not in KINDS:
        raise ValueError(f"kind is {config['kind']!r}, not one of: {', '.join(KINDS)}")
    for key in ("facts", "training", "inputs", "system", "model"):
        if key in config and not isinstance(config[key], dict):
            raise ValueError(f"{key} is {config[key]!r}, expected a mapping")
    if not isinstance(config.get("imported"), str | None):
        raise ValueError(f"imported is {config['imported']!r}, expected the name of a file")
    training = config.get("training", {})
    for key in ("steps", "decay_steps", "seed"):
        value = training.get(key, 0)
        is_count = isinstance(value, int) and not isinstance(value, bool) and value >= 0
        if not is_count and not (key == "seed" and value is None):
            raise ValueError(f"training.{key} is {value!r}, expected 0 or more")


def required(config: dict, path: Path, *keys: str) -> Any:
    """The value under nested keys; ValueError where one is missing."""
    value: Any = config
    for number, key in enumerate(keys):
        if not isinstance(value, dict) or key not in value:
            raise ValueError(
                f"{path}: key {'.'.join(keys[: number + 1])} is missing; {remedy_of(path)}"
            )
        value = value[key]
    return value


def section(cls: type[T], config: dict, path: Path, key: str) -> T:
    """One mapping of a config.yaml as its dataclass; ValueError with file and key."""
    return checked(cls, required(config, path, key), f"{path}, {key}")


def checked(cls: type[T], content: object, origin: str) -> T:
    """A mapping as its dataclass; ValueError, of one line whatever the mapping holds."""
    try:
        if not isinstance(content, dict):
            raise ValueError(f"{origin} is {content!r}, expected a mapping")
        return from_dict(cls, content, origin)
    except ValueError as error:
        raise ValueError(shown(error, 400)) from None
    except OverflowError:
        raise ValueError(f"{origin}: a number is out of all proportion") from None
