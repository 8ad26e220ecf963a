"""The Python interface: arrays and tensors in and out."""

import numpy as np
import pytest
import torch

import uss
from tests.separation.chirp import RATE, sound

STREET = sound(1.3, channels=2).T.astype(np.float32)


@pytest.fixture(scope="module")
def separator(experiment):
    return uss.load(experiment / "resunet")


def test_shapes_and_kinds(separator):
    name = separator.class_names[0]
    result = separator.separate(STREET, RATE, name)
    assert result.shape == STREET.shape and result.dtype == np.float32 and result.any()
    tensor = separator.separate(torch.from_numpy(STREET), RATE, name)
    assert isinstance(tensor, torch.Tensor) and np.array_equal(tensor.numpy(), result)
    for rate in (8000, 44100):  # another rate is resampled there and back
        assert separator.separate(STREET, rate, name).shape == STREET.shape


def test_several_queries_are_what_each_is(separator):
    names = separator.class_names[:2]
    both = separator.separate(STREET, RATE, names)
    assert both.shape == (2, *STREET.shape) and not np.array_equal(*both)
    for name, result in zip(names, both, strict=True):
        assert np.allclose(result, separator.separate(STREET, RATE, name), atol=1e-6)


def test_queries_of_every_kind(separator):
    name = separator.class_names[0]
    by_name = separator.separate(STREET, RATE, name)
    vector = separator.model.class_query(name).values
    assert np.array_equal(separator.separate(STREET, RATE, vector), by_name)
    assert np.array_equal(separator.separate(STREET, RATE, torch.from_numpy(vector)), by_name)
    example = separator.example(STREET[:1], RATE)
    assert example.values.shape == vector.shape and np.isfinite(example.values).all()
    assert not np.array_equal(separator.separate(STREET, RATE, example), by_name)


def test_an_example_as_array_and_as_file_give_one_query(separator, write):
    from uss.separation.queries import example_query

    path = write("bell.wav", sound(1.3), subtype="FLOAT")
    example = separator.example(sound(1.3).T, RATE)
    assert np.allclose(example.values, example_query(separator.model, path).values, atol=1e-6)


@pytest.mark.parametrize(
    "waveform, rate, message",
    [
        (STREET[0], RATE, "must be .channels, samples.: waveform.None."),
        (STREET[:, :0], RATE, "must be .channels, samples."),
        ((STREET * 32768).astype(np.int16), RATE, "int16 was given, must be floats"),
        (STREET * np.nan, RATE, "not finite"),
        (STREET * 1e9, RATE, "beyond any sound"),
        (STREET, 128, "sample_rate is 128"),
    ],
)
def test_audio_that_is_none(separator, waveform, rate, message):
    with pytest.raises(ValueError, match=message):
        separator.separate(waveform, rate, separator.class_names[0])


@pytest.mark.parametrize(
    "query, message",
    [
        ("Unicorn", "Unicorn"),
        (np.ones(3), r"shape \(3,\) was given; this model takes"),
        ([], "there is no query"),
    ],
)
def test_queries_that_are_none(separator, query, message):
    with pytest.raises(ValueError, match=message):
        separator.separate(STREET, RATE, query)


def test_an_embedding_that_is_not_finite(separator):
    vector = separator.model.class_query(separator.class_names[0]).values * np.nan
    with pytest.raises(ValueError, match="finite and not all zero"):
        separator.separate(STREET, RATE, vector)


def test_a_silent_example(separator):
    with pytest.raises(ValueError, match="the example 'quiet' is silent"):
        separator.example(np.zeros((1, RATE)), RATE, "quiet")


def test_importing_the_package_imports_no_torch():
    import subprocess
    import sys

    code = "import sys, uss; assert 'torch' not in sys.modules and callable(uss.load)"
    subprocess.run([sys.executable, "-c", code], check=True)
