"""What makes separation fast changes nothing: folding, sharing, batches, bfloat16."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from tests.helpers import small_networks
from uss.models.film import FilmNorm
from uss.separation.window_separator import WindowSeparator

CPU = torch.device("cpu")
KINDS = [("none", "concat"), ("aligned", "film"), ("paper", "concat")]
WINDOWS = small_networks.noise(6).reshape(3, 2, -1).numpy()
QUERIES = np.random.default_rng(0).random((3, 2, small_networks.QUERY_SIZE), np.float32)


def trained(features: str, fusion: str):
    """With BatchNorms and local biases as after a training."""
    separator = small_networks.trained_biases(small_networks.separator(features, fusion))
    for norm in separator.modules():
        if isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d):
            nn.init.uniform_(norm.running_mean, -0.1, 0.1)
            nn.init.uniform_(norm.running_var, 0.5, 2)
            nn.init.uniform_(norm.weight, 0.5, 2)
            nn.init.normal_(norm.bias)
    return separator.eval()


def decibel(expected: np.ndarray, found: np.ndarray) -> float:
    return 10 * np.log10(np.square(expected).sum() / np.square(expected - found).sum())


@torch.inference_mode()
def one_by_one(separator, windows: np.ndarray, queries: np.ndarray) -> np.ndarray:
    """Each channel of each window for each query, by the separator as it was trained."""
    result = np.zeros((len(windows), queries.shape[1], *windows.shape[1:]), np.float32)
    for window, number, channel in np.ndindex(result.shape[:3]):
        scale = float(np.abs(windows[window]).max())
        mixture = torch.from_numpy(windows[window, channel])[None] / scale
        query = torch.from_numpy(queries[window, number])[None]
        result[window, number, channel] = separator(mixture, query)[0].numpy() * scale
    return result


@pytest.mark.parametrize(("features", "fusion"), KINDS)
def test_the_sound_is_the_trained_networks(features, fusion):
    separator = trained(features, fusion)
    expected = one_by_one(separator, WINDOWS, QUERIES)
    fast = WindowSeparator(copy.deepcopy(separator), CPU)
    assert not any(isinstance(module, FilmNorm) for module in fast.separator.modules())
    assert decibel(expected, fast(WINDOWS, QUERIES)) > 90
    fast.rows = 4  # windows and channels together, as on a GPU
    assert decibel(expected, fast(WINDOWS, QUERIES)) > 90


def test_bfloat16_where_it_is_asked_for():
    """Nothing here has a GPU: the same code on the CPU, which has bfloat16 too."""
    fast = WindowSeparator(trained("none", "concat"), CPU)
    expected = fast(WINDOWS, QUERIES)
    fast.in_bfloat16 = True
    found = fast(WINDOWS, QUERIES)
    assert found.dtype == np.float32 and 25 < decibel(expected, found) < 90


def test_queries_share_what_depends_on_the_mixture_alone(monkeypatch):
    fast = WindowSeparator(trained("aligned", "film"), CPU)
    calls = {"stft": 0, "amae": 0}
    for name in calls:
        module = getattr(fast.separator, name)
        forward = module.forward

        def counted(*inputs, name=name, forward=forward):
            calls[name] += 1
            return forward(*inputs)

        monkeypatch.setattr(module, "forward", counted)
    fast(WINDOWS[:1], QUERIES[:1])
    assert calls == {"stft": 2, "amae": 2}  # once for each channel, for both queries


def test_a_query_of_zeros_and_a_silent_window_give_silence(monkeypatch):
    fast = WindowSeparator(trained("none", "concat"), CPU)
    windows, queries = WINDOWS.copy(), QUERIES.copy()
    windows[0] = 1e-6
    queries[1, 0] = 0
    found = fast(windows, queries)
    is_silent = ~found.any(axis=(2, 3))
    assert is_silent.tolist() == [[True, True], [True, False], [False, False]]
    fast.rows = 16
    assert np.array_equal(~fast(windows, queries).any(axis=(2, 3)), is_silent)


@pytest.mark.parametrize(("features", "fusion"), KINDS)
def test_cores_side_by_side_give_the_same_bits(features, fusion):
    fast = WindowSeparator(trained(features, fusion), CPU)
    before, found = torch.get_num_threads(), {}
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            assert (fast.at_once(1), fast.at_once(2), fast.at_once(6)) == (
                (1, 1, 1) if threads == 1 else (3, 2, 1)
            )
            found[threads] = [fast(WINDOWS, QUERIES), fast(WINDOWS[:1, :1], QUERIES[:1, :1])]
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    for one, three in zip(found[1], found[3], strict=True):
        assert np.array_equal(one, three)


def test_an_error_of_one_core_is_an_error(monkeypatch):
    fast = WindowSeparator(trained("none", "concat"), CPU)
    real, calls = fast.separator.masked, []

    def fails_once(*given):
        calls.append(given)
        return real(*given) if len(calls) != 2 else len(None)

    monkeypatch.setattr(fast.separator, "masked", fails_once)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with pytest.raises(TypeError):
            fast(WINDOWS, QUERIES)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
