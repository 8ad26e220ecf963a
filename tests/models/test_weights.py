"""Weights of any precision, and those that no network can compute with."""

import math

import numpy as np
import pytest
import torch

from tests.helpers.published_files import lightning, save_panns
from tests.helpers.reference_weights import empty_state
from tests.helpers.small_networks import PANNS, noise
from uss.models import published
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.models.published_tables import is_table, panns_tables, resunet_tables
from uss.models.weights import fill

DTYPES = [torch.float16, torch.bfloat16, torch.float64]


def small_state() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return Cnn14(PANNS).state_dict()


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
def test_published_panns_in_another_precision(published_weights, tmp_path, dtype):
    """Every tensor is converted, as `state[key].half()` does: the number of batches too."""
    state = torch.load(published_weights / "panns.pth")["model"]
    path = tmp_path / "half.pth"
    save_panns(path, {key: value.to(dtype) for key, value in state.items()})
    network = published.load_panns(path, Cnn14)
    assert {tensor.dtype for tensor in network.parameters()} == {torch.float32}
    expected = state["fc1.weight"].to(dtype).float()
    assert torch.equal(network.fc1.weight, expected)
    assert torch.equal(network.bn0.running_var, state["bn0.running_var"].to(dtype).float())


@pytest.mark.parametrize("dtype", DTYPES)
def test_tables_in_another_precision(dtype):
    for name, table in {**panns_tables(published.PANNS), **resunet_tables(2048)}.items():
        tensor = torch.from_numpy(table).to(dtype)
        assert is_table(tensor, table), name
        assert not is_table(tensor * 1.02, table), name
    assert not is_table(1.5, table)
    assert not is_table(torch.from_numpy(table).to_sparse(), table)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_published_separator_in_half_precision(tmp_path, dtype):
    content = lightning(empty_state("ResUNet30_condition2048"))
    content["state_dict"] = {k: v.to(dtype) for k, v in content["state_dict"].items()}
    torch.save(content, tmp_path / "uss.ckpt")
    assert published.load_uss(tmp_path / "uss.ckpt").system.query == "embedding"


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (lambda w: w.index_fill(0, torch.tensor([1]), math.nan), "fc1.weight holds values that a"),
        (lambda w: w.index_fill(0, torch.tensor([1]), -math.inf), "fc1.weight holds values that"),
        (lambda w: w.double() + 1e300, "fc1.weight holds values that are not finite"),
        (lambda w: 3.0, r"misshapen: fc1.weight float instead of \(16, 16\)"),
        (lambda w: None, "misshapen: fc1.weight NoneType instead of"),
        (lambda w: w.tolist(), "misshapen: fc1.weight list instead of"),
        (lambda w: w.to_sparse(), "misshapen: fc1.weight in another layout"),
        (lambda w: w.bool(), "of another type: fc1.weight bool"),
        (lambda w: torch.zeros(()).expand(10**6, 10**6), r"fc1.weight \(1000000, 1000000\)"),
    ],
)
def test_a_weight_that_is_none(value, message):
    state = small_state()
    state["fc1.weight"] = value(state["fc1.weight"])
    network = Cnn14(PANNS)
    before = network.fc1.weight.clone()
    with pytest.raises(ValueError, match=f"^weights.pth.*{message}"):
        fill(network, state, "weights.pth")
    assert torch.equal(network.fc1.weight, before)


def test_negative_variances_are_refused():
    state = small_state()
    state["bn0.running_var"][3] = -1
    with pytest.raises(ValueError, match="bn0.running_var holds variances below zero"):
        fill(Cnn14(PANNS), state, "weights.pth")


def test_keys_that_are_no_text(tmp_path):
    path = tmp_path / "weights.pth"
    for key in (5, None, (1, 2), 1.5, b"fc"):
        torch.save({"model": {**small_state(), key: torch.zeros(2)}}, path)
        with pytest.raises(ValueError, match="weights.pth has the key .*, and weights have names"):
            published.load(path, Cnn14)


@pytest.mark.parametrize(
    "name", ["conv_block1.conv1.weight", "spectrogram_extractor.stft.conv_real.weight"]
)
def test_a_published_file_with_a_number_in_place_of_a_tensor(tmp_path, name):
    path = tmp_path / "weights.pth"
    save_panns(path, {**empty_state("Cnn14_DecisionLevelMax"), name: 2.5})
    with pytest.raises(ValueError, match=f"weights.pth.*{name}"):
        published.load(path, Cnn14DecisionLevelMax)


def test_a_separators_query_that_is_no_tensor(tmp_path):
    content = lightning(empty_state("ResUNet30_condition2048"))
    content["state_dict"]["ss_model.film.encoder_block1->conv_block1->beta1.weight"] = 7
    torch.save(content, tmp_path / "uss.ckpt")
    with pytest.raises(ValueError, match="ss_model takes a query of None values"):
        published.load_uss(tmp_path / "uss.ckpt")


def test_half_precision_gives_nearly_the_same_embedding():
    """To a hundredth of its length, for weights of ten bits."""
    state = small_state()
    outputs = []
    for weights in (state, {key: value.half() for key, value in state.items()}):
        network = Cnn14(PANNS)
        fill(network, weights, "memory")
        with torch.no_grad():
            outputs.append(network.eval()(noise()).embedding.numpy())
    assert np.linalg.norm(outputs[0] - outputs[1]) < 0.01 * np.linalg.norm(outputs[0])
