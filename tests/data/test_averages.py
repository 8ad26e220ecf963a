"""Stage 6: the mean over a class's query targets."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from uss.bin import average_embeddings, mixtures
from uss.data.anchor_set import AnchorSet
from uss.data.averages import read_average_embeddings
from uss.data.mixture_list import MixtureList


@pytest.fixture
def written(recipe):
    recipe.balanced()
    recipe.classes("/m/0", "/m/1", "/m/2", "/m/3", "/m/none")
    recipe.conf("anchors")
    recipe.conf("mixtures", num_train=4, num_query_per_class=7)
    mixtures.main([])
    return recipe


OUTPUT = "exp/a/average_embeddings.h5"


def test_means_over_the_query_targets(written, caplog):
    average_embeddings.main(["--name", "a"])
    assert f"{OUTPUT}: classes without query targets: name of /m/none" in caplog.messages
    found = read_average_embeddings(OUTPUT)
    assert found.class_id == ["/m/0", "/m/1", "/m/2", "/m/3", "/m/none"]
    assert found.num_targets.tolist() == [7, 7, 7, 7, 0]
    anchors = AnchorSet(written.data / "train")
    query = MixtureList("data/mixtures/query.csv", anchors)
    for index, class_id in enumerate(found.class_id[:-1]):
        rows = [row for row in query.target_rows if anchors.anchors[row].class_id == class_id]
        assert len(rows) == 7
        # tiny_recipe: the embedding of an anchor is its row, twice; probabilities a tenth of it
        np.testing.assert_allclose(found.embedding[index], [np.mean(rows)] * 2, rtol=1e-6)
        np.testing.assert_allclose(found.probabilities[index], np.mean(rows) / 10, rtol=1e-6)
    assert not found.embedding[-1].any()
    assert found.embedding.dtype == found.probabilities.dtype == np.float32


def test_a_second_run_does_nothing(written, caplog):
    average_embeddings.main(["--name", "a"])
    caplog.set_level("INFO")
    caplog.clear()
    average_embeddings.main(["--name", "a"])
    (message,) = caplog.messages
    assert message.startswith(f"skip {OUTPUT}: unchanged since")


def test_missing_inputs_name_their_stage(written):
    with pytest.raises(ValueError, match=r"average_embeddings\.h5 is missing.*--stage 6"):
        read_average_embeddings(OUTPUT)
    (written.data / "mixtures" / "query.csv").unlink()
    with pytest.raises(ValueError, match=r"query\.csv is missing; stage 3 writes it"):
        average_embeddings.main(["--name", "a"])
    (written.data / "train" / "anchors.csv").unlink()
    with pytest.raises(ValueError, match=r"anchors\.csv is missing; stage 2 writes it"):
        average_embeddings.main(["--name", "a"])


def test_a_broken_file(written):
    average_embeddings.main(["--name", "a"])
    with open(OUTPUT, "r+b") as file:
        file.truncate(500)
    with pytest.raises(ValueError, match=r"broken: .*; stage 6 writes it"):
        read_average_embeddings(OUTPUT)


def test_an_embedding_that_is_not_finite(written):
    path = Path("data/train/anchors/part_0001.h5")
    with h5py.File(path, "r+") as file:
        file["embedding"][:] = np.nan
    with pytest.raises(ValueError, match="data/train/anchors holds an embedding that is not fin"):
        average_embeddings.main(["--name", "a"])


def test_embeddings_that_are_not_finite_are_refused(written, monkeypatch):
    """What a detector that diverged has left."""
    real = AnchorSet.embeddings

    def broken(self, rows):
        values = real(self, rows)
        values[:1] = np.nan
        return values

    monkeypatch.setattr(AnchorSet, "embeddings", broken)
    with pytest.raises(ValueError, match="holds an embedding that is not finite; .* --stage 2"):
        average_embeddings.main(["--name", "a"])
    assert not Path(OUTPUT).exists()


def test_a_class_that_the_table_lacks(written):
    written.classes("/m/0", "/m/1", "/m/2")
    with pytest.raises(ValueError, match=r"anchors of class /m/3, which data/classes.csv lacks"):
        average_embeddings.main(["--name", "a"])
