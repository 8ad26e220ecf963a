"""A model directory that is damaged, or made to harm, is a sentence."""

import math
import zipfile

import h5py
import numpy as np
import pytest
import torch
import yaml

from tests.helpers.flipped_weight import flip_a_weight
from tests.separation.broken_models import copy_model, try_mutant
from uss.bin import cli
from uss.model_store.model_config import newest_checkpoint
from uss.separation.model import Model

# tests/separation/broken_models.py tries hundreds.
SEEDS = range(24)


@pytest.fixture(autouse=True)
def one_thread():
    """A child of this process has none of its threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def broken(experiment, tmp_path):
    """A copy of a model directory, to be changed."""
    return copy_model(experiment / "at_soft", tmp_path / "model")


@pytest.mark.slow
@pytest.mark.parametrize("seed", SEEDS)
def test_a_mutant_is_a_sentence_or_does_no_harm(experiment, seed):
    said, faults = try_mutant(experiment / "at_soft", seed)
    assert not faults, said


def change_config(model, key, value) -> None:
    """`value` is what stands there, or `...` for a key that is missing."""
    path = model / "config.yaml"
    config = inner = yaml.safe_load(path.read_text(encoding="utf-8"))
    *way, last = key.split(".")
    for word in way:
        inner = inner[word]
    if value is ...:
        del inner[last]
    else:
        inner[last] = value
    path.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")


def refused(model, message, command="separate") -> None:
    if command == "separate":
        with pytest.raises(ValueError, match=message) as error:
            Model(model)
    else:
        with pytest.raises(ValueError, match=message) as error:
            cli.main([command, str(model)])
    assert "\n" not in str(error.value) and len(str(error.value)) < 2000


@pytest.mark.parametrize("command", ["separate", "info"])
@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("facts", ..., "config.yaml, facts: key sample_rate is missing"),
        ("facts.query_size", ..., "config.yaml, facts: key query_size is missing"),
        ("facts.sample_rate", 0, "facts: sample_rate is 0, must be at least 1000"),
        ("facts.sample_rate", 10**9, "facts: sample_rate is 1000000000, must be at most"),
        ("facts.sample_rate", "fast", "facts: sample_rate is 'fast', expected int"),
        ("facts.query_size", -1, "facts: query_size is -1, must be at least 1"),
        ("facts.query_size", 10**9, "facts: query_size is 1000000000, must be at most"),
        ("facts.amae", [1], r"facts: amae is \[1\], expected mapping"),
        ("system", ..., "config.yaml: key system is missing"),
        ("system", [], r"system is \[\], expected a mapping"),
        ("system.channels", [10**9] * 3, "channels has 3 numbers up to 1000000000"),
        ("system.channels", [4] * 1000, "channels has 1000 numbers"),
        ("system.channels", [[4], 4], "channels"),
        ("system.stft.window_size", -1, "stft.window_size is -1, must be at least 2"),
        ("system.stft.window_size", 10**9, "stft.window_size is 1000000000, must be at most"),
        ("system.stft.hop_size", 1, "stft.hop_size is 1, must be at least 1/64 of window_size"),
        ("system.query", {"a": 1}, "query is {'a': 1}, not one of"),
        ("training.steps", ..., "config.yaml: key training.steps is missing"),
        ("training.steps", "many", "training.steps is 'many', expected 0 or more"),
        ("training.learning_rate", math.nan, "training.learning_rate is nan, which is out of all"),
        ("training.learning_rate", 10**30, "training.learning_rate is 1000000000000000000000"),
        ("kind", ..., "config.yaml: key kind is missing"),
        ("kind", "amae", "kind is 'amae', not one of: separator, detector, audio_mae"),
    ],
)
def test_a_value_of_the_configuration(broken, key, value, message, command):
    change_config(broken, key, value)
    refused(broken, message, command)


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("system.channels", [4, 4, 16], "misshapen: .*bottleneck.*at_.*|misshapen: .*Remove it"),
        ("facts.query_size", 4, r"misshapen: .*\(4, 3\) instead of \(4, 4\)"),
        ("system.amae.features", "aligned", "config.yaml: amae.features aligned needs an A-MAE"),
        ("facts.sample_rate", 8000, "the sample_rate is 16000, that of config.yaml 8000"),
    ],
)
def test_a_configuration_of_another_network(broken, key, value, message):
    change_config(broken, key, value)
    refused(broken, message)


def test_an_alias_that_grows_and_a_list_that_holds_itself(broken):
    path = broken / "config.yaml"
    laughs = "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 99))
    for text in (f"a0: &a0 [1]\n{laughs}", "kind: &a [*a]", "a: " + "[" * 9999):
        path.write_text(text)
        refused(broken, "config.yaml", "info")


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda w: w.half(), None),
        (lambda w: w.double(), None),
        (lambda w: torch.full_like(w, math.nan), "holds values that are not finite"),
        (lambda w: torch.full_like(w, 1e300, dtype=torch.float64), "that are not finite"),
        (lambda w: 1.5, "misshapen: .* float instead of"),
        (lambda w: w.to_sparse(), "in another layout instead of"),
        (lambda w: torch.quantize_per_tensor(w, 0.1, 0, torch.qint8), "in another layout"),
        (lambda w: torch.zeros(1).expand(10**6, 10**6), r"\(1000000, 1000000\) instead of"),
        (lambda w: w.to(torch.complex64), "of another type: .* complex64"),
        (lambda w: torch.empty_like(w, device="meta"), "without values instead of"),
    ],
)
def test_a_tensor_of_another_kind(broken, value, message):
    path = newest_checkpoint(broken)
    content = torch.load(path, weights_only=True)
    key = "network.unet.pre_conv.weight"
    content["model"][key] = value(content["model"][key])
    torch.save(content, path)
    if message is None:
        assert Model(broken).loaded.separator.network.unet.pre_conv.weight.dtype == torch.float32
    else:
        refused(broken, f"step_00000015.pt.*{key}.*{message}|step_00000015.pt.*{message}")


def test_keys_that_are_no_text_or_too_many(broken):
    path = newest_checkpoint(broken)
    content = torch.load(path, weights_only=True)
    content["model"][5] = content["model"].pop("network.bn0.bias")
    torch.save(content, path)
    refused(broken, "missing: network.bn0.bias; unexpected: 5. Remove it, and stage 5 trains it")


def test_a_checkpoint_without_a_model_and_one_of_another_step(broken):
    path = newest_checkpoint(broken)
    content = torch.load(path, weights_only=True)
    torch.save({**content, "step": 7}, path)
    refused(broken, "step_00000015.pt holds step 7. Remove it, and stage 5")
    del content["model"]
    torch.save(content, path)
    refused(broken, "step_00000015.pt is no checkpoint: it holds no dictionary of weights")


def edit_averages(model, **attributes) -> h5py.File:
    file = h5py.File(model / "average_embeddings.h5", "r+")
    file.attrs.update(attributes)
    return file


@pytest.mark.parametrize("samples", [0, -1, 10**9, 2**62, 100])
def test_a_length_of_segments_that_none_can_have(broken, samples):
    edit_averages(broken, segment_samples=samples).close()
    refused(broken, f"segment_samples is {samples}, expected a whole number from 161 to 960000")


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("probabilities", np.zeros((3, 5), "f4"), "probabilities has 5 values for each class"),
        ("probabilities", np.full((3, 3), np.nan, "f4"), "not finite"),
        ("probabilities", np.zeros((2, 3), "f4"), "differ in length"),
        ("probabilities", np.zeros(3, "f4"), "probabilities is float32"),
        ("num_targets", np.full(3, -4), "negative"),
        ("class_id", np.array([b"a", b"a", b"b"]), "stands twice"),
        ("class_name", np.array([b"\xff", b"a", b"b"]), "class_name is not text in UTF-8"),
        ("class_name", np.array([b"a"]), "3 class_id and 1 class_name"),
    ],
)
def test_averages_of_another_model(broken, name, value, message):
    with edit_averages(broken) as file:
        del file[name]
        file[name] = value
    refused(broken, message)


def panns_with(model, name="query_encoder", **values) -> None:
    content = torch.load(model / "panns.pt", weights_only=True)
    content[name]["model"].update(values)
    torch.save(content, model / "panns.pt")


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"window_size": 10**9}, "query_encoder: window_size is 1000000000, must be at most"),
        ({"hop_size": 16000}, "segments of 8000 samples are too short for"),
        ({"sample_rate": 15999}, "sample_rate 15999 has hardly a common divisor with 16000 Hz"),
        ({"num_classes": 4}, "does not hold the weights of Cnn14: misshapen: fc_audioset.bias"),
        ({"mel_bins": 10**7}, "mel_bins is 10000000"),
        ({"channels": [10**9, 1, 1]}, "channels has 3 numbers up to 1000000000"),
        ({"fmin": 1e300}, "fmin is 1e"),
        ({"colour": 1}, "unknown key colour"),
    ],
)
def test_panns_of_another_model(broken, values, message):
    panns_with(broken, **values)
    with pytest.raises(ValueError, match=rf"panns\.pt, query_encoder.*{message}|{message}"):
        _ = Model(broken).query_encoder


def test_panns_damaged_or_without_a_network(broken):
    path = broken / "panns.pt"
    flip_a_weight(path)
    with pytest.raises(ValueError, match=r"panns.pt is damaged \(.* has another checksum.*stage 6"):
        _ = Model(broken).detector
    torch.save({"query_encoder": 5}, path)
    for name in ("query_encoder", "detector"):
        with pytest.raises(ValueError, match="panns.pt holds no network .*--stage 6"):
            getattr(Model(broken), name)


def test_a_file_that_would_be_larger_than_any_memory(broken):
    """Compressed members: torch.save writes none."""
    path = newest_checkpoint(broken)
    with zipfile.ZipFile(path) as source:
        members = {name: source.read(name) for name in source.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    refused(broken, "damaged .not as torch.save writes it: a part is compressed")
