"""YAML that would silently mean something else is text, or refused with its line."""

from dataclasses import dataclass

import pytest
import yaml

from uss.config import expanded, load
from uss.schema import Pretrained
from uss.yaml_files import parse_yaml, read_yaml


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1", 1),
        ("-12", -12),
        ("1.5", 1.5),
        ("1.0e-05", 1e-5),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("'5'", "5"),
        ("[1, a, 'b', null]", [1, "a", "b", None]),
        ("{a: {b: 1}}", {"a": {"b": 1}}),
        ("|\n  a\n  b\n", "a\nb\n"),
        *((text, text) for text in ("010", "0o10", "1:30", "1:30.5", "1_000", "0x10", "0b1")),
        *((text, text) for text in ("yes", "no", "on", "off", "2024-01-01", "1e-3", "nan")),
        ("9" * 5000, "9" * 5000),
    ],
)
def test_values(text, value):
    found = parse_yaml(text)
    assert found == value and type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "line 3: the key 'a' stands in line 1 already"),
        ("x: {a: 1,\n a: 1}", "line 2: the key 'a' stands in line 1 already"),
        ("a: &b [1]\nc: *b\n", "line 2: the alias .b is not read: write the value out"),
        ("a: !!int '010'\n", "line 1: the tag .*int is not read"),
        ("a: !!python/name:os.system x\n", "line 1: the tag .* is not read"),
        ("? [a]\n: 1\n", "line 1: a key must be a word"),
        ("[" * 30 + "]" * 30, "line 1: more than 20 levels"),
        ("a: 1\n---\nb: 2\n", "expected a single document"),
        ("a:\n\tb: 1\n", "cannot start any token"),
        ("a: 1\n b: 2\n", "line 2"),
        ("a: \x07", "special characters are not allowed"),
    ],
)
def test_what_is_refused(text, message):
    with pytest.raises(ValueError, match=message) as caught:
        parse_yaml(text)
    assert "\n" not in str(caught.value)


def test_files(tmp_path):
    path = tmp_path / "a.yaml"
    for content in (b"a: 1\nb: 2\n", b"\xef\xbb\xbfa: 1\r\nb: 2\r\n", b"---\na: 1\rb: 2"):
        path.write_bytes(content)
        assert read_yaml(path) == {"a": 1, "b": 2}
    path.write_bytes(b"")
    assert read_yaml(path) is None
    path.write_bytes("a: 1\n".encode("utf-16"))
    with pytest.raises(ValueError, match=r"a\.yaml is in UTF-16: save it as UTF-8"):
        read_yaml(path)
    path.write_bytes(b"a: 1\n" * 100_000)
    with pytest.raises(ValueError, match=r"a\.yaml holds 500000 bytes, at most"):
        read_yaml(path)
    path.write_text("a: &a [1, 2]\nb: *a\n")
    with pytest.raises(ValueError, match=r"a\.yaml: not YAML \(line 2: the alias"):
        read_yaml(path)


def test_what_is_dumped_is_read_again():
    """config.yaml of a model directory is written by yaml.safe_dump."""
    text = ["010", "1:30", "no", "1_000", "2024-01-01", "1e5", "5", "null", "é", "a: b", "", "1.5"]
    value = {"text": text, "numbers": [1, -2, 0.1, 1e-5, 1e20, 123456789012], "other": [None, True]}
    assert parse_yaml(yaml.safe_dump(value, sort_keys=False)) == value


@dataclass
class Settings:
    seed: int = 0
    rate: float = 1.0
    flag: bool = False
    name: str = ""


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("seed: 010", "seed is '010', expected int .write decimal digits alone"),
        ("seed: 1:30", "seed is '1:30', expected int .write decimal digits alone"),
        ("seed: 1_000", "seed is '1_000', expected int .write decimal digits alone"),
        ("seed: '5'", "seed is '5', expected int"),
        ("seed: " + "9" * 30, "seed is 9999.*, expected int"),
        ("seed: 1e400", "seed is '1e400', expected int"),
        ("rate: 1:30.5", "rate is '1:30.5', expected float .write decimal digits alone"),
        ("rate: 1e400", "rate is '1e400', expected float"),
        ("rate: .nan", "rate is nan, expected float"),
        ("rate: " + "x" * 1000, r"rate is 'x{79}\.\.\., expected float"),
        ("flag: yes", "flag is 'yes', expected bool .write true or false"),
        ("flag: 0", "flag is 0, expected bool"),
        ("name: 5", "name is 5, expected str .in quotes"),
    ],
)
def test_a_key_takes_its_own_kind_of_value(tmp_path, line, message):
    for text, overrides in ((f"{line}\n", []), ("", [f"s.{line.replace(': ', '=')}"])):
        (tmp_path / "s.yaml").write_text(text)
        with pytest.raises(ValueError, match=message):
            load(tmp_path, "s", Settings, overrides)


@pytest.mark.parametrize("text", ["no", "on", "1:30", "010", "2024-01-01", "1e5"])
def test_text_is_what_stands_there(tmp_path, text):
    (tmp_path / "s.yaml").write_text(f"name: {text}\n")
    assert load(tmp_path, "s", Settings).name == text


def test_the_shells_home_in_paths(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", "/home/me")
    (tmp_path / "pretrained.yaml").write_text("query_encoder: ~/weights/x.pth\naudio_mae: ~\n")
    config = load(tmp_path, "pretrained", Pretrained, ["pretrained.sound_event_detector=~/y"])
    assert config == Pretrained("/home/me/y", "/home/me/weights/x.pth", None)
    assert expanded("~root/a") == "/root/a" and expanded("a/~") == "a/~"
    with pytest.raises(ValueError, match="'~nobody-here/a': no such user; a file .* is ./~nobody"):
        expanded("~nobody-here/a")
