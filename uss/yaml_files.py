"""YAML, strictly: what readers of YAML 1.1 and 1.2 take for different things stays the text it is.

`010` is 8 to one and 10 to the other, `1:30` is 90 to one, `no` false; `1_000`, `0x10` and dates
too. Here they are text, so that a key of text gets what stands in the file, and a key that wants a
number or a truth value refuses it. A key that stands twice, `*aliases` and `!tags` are refused.
"""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from uss.text_files import read_text

MAX_BYTES = 1 << 18
MAX_DEPTH = 20
CONSTANTS = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL")),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", "+.inf"), float("inf")),
    **{"-.inf": float("-inf"), ".nan": float("nan")},
}
INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]{0,30})")
FLOAT = re.compile(r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


class _Loader(yaml.SafeLoader):
    """Composes nodes; refuses what a configuration has no need of."""

    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        where = f"line {event.start_mark.line + 1}"
        if isinstance(event, yaml.AliasEvent):
            raise ValueError(f"{where}: the alias *{event.anchor} is not read: write the value out")
        if getattr(event, "tag", None) not in (None, "!"):
            raise ValueError(f"{where}: the tag {event.tag} is not read: write the value alone")
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise ValueError(f"{where}: more than {MAX_DEPTH} levels")
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def read_yaml(path: Path | str, remedy: str = "correct it, or get it from the recipe") -> Any:
    """The content of a file. Raises ValueError, with file and line."""
    text = read_text(path, remedy, MAX_BYTES)
    try:
        return parse_yaml(text)
    except ValueError as error:
        raise ValueError(f"{path}: not YAML ({error}); {remedy}") from None


def parse_yaml(text: str) -> Any:
    """Raises ValueError, with the line."""
    try:
        loader = _Loader(text)
        try:
            node = loader.get_single_node()
        finally:
            loader.dispose()
    except yaml.YAMLError as error:
        raise ValueError(" ".join(str(error).split())) from None
    return None if node is None else _value(node)


def _value(node: yaml.Node) -> Any:
    if isinstance(node, yaml.SequenceNode):
        return [_value(child) for child in node.value]
    if isinstance(node, yaml.MappingNode):
        return _mapping(node)
    assert isinstance(node, yaml.ScalarNode)
    if node.style is not None:  # in quotes, or a block of text
        return node.value
    return _plain(node.value)


def _mapping(node: yaml.MappingNode) -> dict:
    result: dict = {}
    lines: dict[Hashable, int] = {}
    for key_node, value_node in node.value:
        line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode):
            raise ValueError(f"line {line}: a key must be a word")
        key = key_node.value
        if key in lines:
            raise ValueError(f"line {line}: the key {key!r} stands in line {lines[key]} already")
        lines[key] = line
        result[key] = _value(value_node)
    return result


def _plain(text: str) -> Any:
    if text in CONSTANTS:
        return CONSTANTS[text]
    if INTEGER.fullmatch(text):
        return int(text)
    return float(text) if FLOAT.fullmatch(text) else text
