"""Without averages, an at_soft model takes what it hears in the mixture, of the classes wanted."""

import shutil
from types import SimpleNamespace

import h5py
import numpy as np
import pytest

from tests.separation.chirp import sound
from uss.separation.confidence import Confidence
from uss.separation.detection import auto_queries, without_query
from uss.separation.model import ACTIVE, Model
from uss.separation.queries import steer_away


@pytest.fixture
def without_averages(experiment, tmp_path):
    """A copy of a system as the import leaves one."""

    def copied(system: str):
        directory = tmp_path / system
        shutil.copytree(experiment / system, directory)
        with h5py.File(directory / "average_embeddings.h5", "a") as file:
            for name in ("embedding", "probabilities", "num_targets"):
                file[name][:] = 0
        return directory

    return copied


@pytest.fixture
def imported(without_averages):
    return Model(without_averages("at_soft"))


WINDOWS = np.stack([sound(0.5, seed=seed).T for seed in (0, 1)]).astype(np.float32)


def test_a_window_is_steered_by_its_own_probabilities(imported, monkeypatch):
    query = imported.class_query("class 1")
    assert query.is_mask and query.values.tolist() == [0, 1, 0]
    heard = np.array([[0.9, ACTIVE + 0.1, 0.3], [0.9, ACTIVE - 0.1, 0.3]], np.float32)
    monkeypatch.setattr(imported, "encode", lambda segments: heard)
    steering = imported.window_queries(WINDOWS, [query])
    np.testing.assert_allclose(steering[:, 0], [[0, ACTIVE + 0.1, 0], [0, 0, 0]])


def test_the_mask_hides_the_other_classes_only(imported):
    query = imported.class_query("class 0")
    heard = imported.encode(WINDOWS.mean(axis=1))
    steering = imported.window_queries(WINDOWS, [query])[:, 0]
    expected = np.where(heard[:, :1] >= ACTIVE, heard * [1, 0, 0], 0)
    np.testing.assert_allclose(steering, expected)


def test_what_is_not_heard_has_no_confidence(imported):
    query = imported.class_query("class 0")
    confidence = Confidence(imported, [query])
    steering = np.array([[[0, 0, 0]], [[0.5, 0.5, 0.5]]], np.float32)
    confidence.listen(WINDOWS, steering, WINDOWS[:, None])
    confidence.finish()
    silent, heard = confidence.values["class 0"]
    assert silent is None and 0 < heard <= 1


def test_a_node_masks_all_that_is_heard_below_it(imported, monkeypatch):
    monkeypatch.setattr("uss.separation.detection.ancestors", lambda *_: ["/m/09x0r"])
    heard = [SimpleNamespace(class_id=class_id) for class_id in ("/m/2", "/m/0")]
    (query,) = auto_queries(imported, heard, 2)
    assert query.is_mask and query.values.tolist() == [1, 0, 1]
    assert without_query(imported, heard) == []


def test_a_file_is_separated(without_averages, uss, write, experiment):
    write("a.wav", sound(1))
    assert uss("a.wav", "--class", "2", system=without_averages("at_soft")) == 0


def test_no_direction_is_taken_out_of_a_mask(imported):
    query = imported.class_query("0")
    with pytest.raises(ValueError, match="'class 0' is asked for by the mixture's own"):
        steer_away(query, [imported.class_query("1")])


def test_an_embedding_needs_an_example(without_averages, uss, write):
    write("a.wav", sound(1))
    directory = without_averages("resunet")
    message = "resunet: class 'class 0' has no average embedding in average_embeddings.h5"
    with pytest.raises(ValueError, match=f"{message}.*imported model; give an.*--query"):
        uss("a.wav", "--class", "0", system=directory)
    assert uss("a.wav", "--query", "a.wav", system=directory) == 0
