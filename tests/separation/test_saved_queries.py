"""What stands where --save-query's file is expected."""

import h5py
import numpy as np
import pytest

from uss.separation.queries import example_query, save_query


@pytest.fixture
def saved(at_soft, tmp_path):
    path = tmp_path / "kept.h5"
    save_query(at_soft, at_soft.class_query("0"), path)
    return path


def change(path, values=None, **attributes):
    with h5py.File(path, "r+") as file:
        file.attrs.update(attributes)
        if values is not None:
            del file["query"]
            file["query"] = values


def test_a_query_comes_back_as_it_was(at_soft, saved):
    query = example_query(at_soft, saved)
    assert np.array_equal(query.values, at_soft.class_query("0").values)
    assert query.name == "class 0"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.array([0.1, np.nan, 0.2], "f4"), "a value is not finite"),
        (np.array([0.1, np.inf, 0.2], "f4"), "a value is not finite"),
        (np.zeros(3, "f4"), "all values are zero"),
        (np.ones(4, "f4"), "it has 4 values, and the model takes 3"),
        (np.ones((1, 3), "f4"), r"query is float32 \(1, 3\), expected float32 \(size\)"),
        (np.ones(3, "i4"), "query is int32"),
        (np.ones(3, "c8"), "query"),
        (np.float32(1), "query"),
    ],
)
def test_values_that_are_no_query(at_soft, saved, values, message):
    change(saved, values)
    with pytest.raises(ValueError, match=rf"kept.h5: .*{message}") as error:
        example_query(at_soft, saved)
    assert "\n" not in str(error.value)


def test_attributes_of_another_kind(at_soft, saved, model):
    change(saved, panns=np.zeros(3))
    with pytest.raises(ValueError, match="kept.h5: the attribute panns is"):
        example_query(at_soft, saved)
    with pytest.raises(ValueError, match="kept.h5"):
        example_query(model, saved)
    change(saved, name=5)
    with pytest.raises(ValueError, match="kept.h5"):
        example_query(at_soft, saved)


def test_the_query_of_another_model(model, saved):
    with pytest.raises(ValueError, match="kept.h5: made with another query encoder than"):
        example_query(model, saved)


def test_a_file_that_is_missing_is_said_to_be(at_soft, tmp_path):
    with pytest.raises(ValueError, match="gone.h5: no such file or folder"):
        example_query(at_soft, tmp_path / "gone.h5")
