"""YAML files into dataclasses: what fits, and what the message says of what does not."""

from dataclasses import dataclass, field
from typing import Literal

import pytest

from uss.config import from_dict, load, split_override, to_dict


@dataclass
class Inner:
    channels: list[int] = field(default_factory=lambda: [1, 2])
    mode: Literal["joint", "none"] = "joint"

    def __post_init__(self):
        if not self.channels:
            raise ValueError("channels is empty")


@dataclass
class Outer:
    steps: int
    learning_rate: float = 1e-3
    amsgrad: bool = True
    mean: float | None = None
    path: str | None = None
    names: list[str] | Literal["all"] = "all"
    inner: Inner = field(default_factory=Inner)


def read(tmp_path, text, *overrides, name="train"):
    path = tmp_path / f"{name}.yaml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return load(tmp_path, name, Outer, list(overrides))


def message(tmp_path, text, *overrides):
    """The error, which must begin with the file."""
    with pytest.raises(ValueError) as caught:
        read(tmp_path, text, *overrides)
    return str(caught.value).removeprefix(f"{tmp_path / 'train.yaml'}: ")


def test_values_and_defaults(tmp_path):
    config = read(tmp_path, "steps: 5\nmean: -4\npath: a\nnames: [x]\ninner: {mode: none}\n")
    assert config == Outer(5, 1e-3, True, -4.0, "a", ["x"], Inner([1, 2], "none"))
    assert isinstance(config.mean, float)


def test_round_trip():
    config = Outer(3, inner=Inner([5]))
    assert from_dict(Outer, to_dict(config), "config.yaml") == config


@pytest.mark.parametrize("text", ["1e-3", "1E-3", "1.0e-3", "0.001", ".001"])
def test_numbers_that_yaml_reads_as_text(tmp_path, text):
    assert read(tmp_path, f"steps: 1\nlearning_rate: {text}\n").learning_rate == 1e-3
    assert read(tmp_path, "steps: 1\n", f"train.learning_rate={text}").learning_rate == 1e-3
    assert read(tmp_path, "steps: 1\n", f"train.mean={text}").mean == 1e-3


@pytest.mark.parametrize("text", ["600000", "6e5", "600000.0"])
def test_whole_numbers(tmp_path, text):
    config = read(tmp_path, f"steps: {text}\n")
    assert config.steps == 600000
    assert isinstance(config.steps, int)


def test_overrides_of_this_file_only(tmp_path):
    config = read(
        tmp_path,
        "steps: 1\ninner: {mode: none}\n",
        "train.steps=7",
        "train.inner.channels=[4, 5]",
        "train.path=",
        "train.steps=8",  # the last one counts
        "detector.steps=9",
    )
    assert config == Outer(8, inner=Inner([4, 5], "none"))


def test_an_override_adds_what_the_file_leaves_out(tmp_path):
    assert read(tmp_path, "", "train.steps=2", "train.inner.mode=none").inner.mode == "none"


def test_an_override_of_text_stays_text(tmp_path):
    """A name such as 1e5 is a number to YAML's readers, but not here."""
    assert read(tmp_path, "steps: 1\n", "train.path=1e5").path == "1e5"


def test_the_stem_of_a_system(tmp_path):
    config = read(tmp_path, "steps: 1\n", "frozen.steps=3", name="systems/frozen")
    assert config.steps == 3


def test_split_override():
    assert split_override("a.b.c=[1, x]") == (["a", "b", "c"], [1, "x"])
    assert split_override("a.b=c=d") == (["a", "b"], "c=d")
    for wrong in ("a.b", "a=1", ".b=1", "a.=1", "a..b=1", "=", ""):
        with pytest.raises(ValueError, match=r"--set .*: expected FILE\.KEY=VALUE"):
            split_override(wrong)
    with pytest.raises(ValueError, match=r"--set a.b=\[1: '\[1' is not a YAML value"):
        split_override("a.b=[1")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("stepz: 1", "unknown key stepz; the nearest known one is steps"),
        ("learn_rate: 1", "unknown key learn_rate; the nearest known one is learning_rate"),
        ("steps: 1\ninner: {chanels: [1]}", "unknown key inner.chanels; the nearest known one is "),
        ("steps: 1\n3: 4", "unknown key 3; the nearest known one is "),
        ("", "key steps is missing"),
        ("steps: ten", "steps is 'ten', expected int"),
        ("steps: 1.5", "steps is 1.5, expected int"),
        ("steps: true", "steps is True, expected int"),
        ("steps: null", "steps is None, expected int"),
        ("steps: .inf", "steps is inf, expected int"),
        ("steps: 1\nlearning_rate: fast", "learning_rate is 'fast', expected float"),
        ("steps: 1\nlearning_rate: .nan", "learning_rate is nan, expected float"),
        ("steps: 1\nlearning_rate: .inf", "learning_rate is inf, expected float"),
        ("steps: 1\nlearning_rate: yes", "learning_rate is 'yes', expected float"),
        ("steps: 1\namsgrad: 1", "amsgrad is 1, expected bool"),
        ("steps: 1\npath: 5", "path is 5, expected str (in quotes)"),
        ("steps: 1\nmean: x", "mean is 'x', expected float"),
        ("steps: 1\nnames: some", "names is 'some', not one of: all"),
        ("steps: 1\ninner: 5", "inner is 5, expected mapping"),
        ("steps: 1\ninner: {channels: 5}", "inner.channels is 5, expected list"),
        ("steps: 1\ninner: {channels: [1, x]}", "inner.channels[] is 'x', expected int"),
        ("steps: 1\ninner: {mode: [1]}", "inner.mode is [1], not one of: joint, none"),
        ("steps: 1\ninner: {mode: no}", "inner.mode is 'no', not one of: joint, none"),
        ("steps: 1\ninner: {channels: []}", "inner.channels is empty"),
        ("- 1", "expected `key: value` lines"),
        ("steps: [1", "not YAML (while parsing a flow sequence"),
    ],
)
def test_messages_name_file_and_key(tmp_path, text, expected):
    found = message(tmp_path, text)
    assert found.startswith(expected), found
    assert "\n" not in found


def test_messages_of_overrides(tmp_path):
    assert message(tmp_path, "steps: 1\n", "train.stps=2").startswith("unknown key stps; the near")
    assert message(tmp_path, "steps: 1\n", "train.learning_rate=nan") == (
        "learning_rate is 'nan', expected float"
    )
    assert message(tmp_path, "steps: 1\n", "train.steps.x=2") == (
        "--set train.steps.x=2: steps has no keys of its own"
    )


def test_a_missing_file_and_one_in_another_encoding(tmp_path):
    with pytest.raises(ValueError, match=r"other\.yaml is missing"):
        load(tmp_path, "other", Outer)
    (tmp_path / "latin.yaml").write_bytes("steps: 1  # é".encode("latin-1"))
    with pytest.raises(ValueError, match=r"latin\.yaml: line 1: not UTF-8"):
        load(tmp_path, "latin", Outer)
