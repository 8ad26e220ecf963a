"""The queries of training, against the rule of docs/method.md, section 3, by its letter."""

import numpy as np
import pytest

from tests.helpers.tiny_recipe import anchors_of, clip
from uss.data import class_queries
from uss.data.anchor_set import AnchorSet
from uss.data.class_queries import ClassQueries
from uss.data.mixture_list import MixtureList
from uss.schema import System
from uss.seeding import PURPOSES
from uss.tables import Mixture, write_table

GROUPS = {"/m/0": "aabbc", "/m/1": "dddd", "/m/2": "e"}  # an anchor a letter
NUM_ROWS = 900


@pytest.fixture
def mixtures(recipe):
    """Every anchor is a target in turn; its embedding is (row, row), its probabilities row / 10."""
    recipe.classes(*GROUPS)
    clips = [
        clip(f"{number}{place}", class_id)
        for number, (class_id, groups) in enumerate(GROUPS.items())
        for place in range(len(groups))
    ]
    anchors = [
        anchor._replace(group=group)
        for anchor, group in zip(anchors_of(clips), "".join(GROUPS.values()), strict=True)
    ]
    recipe.clips("train", *clips)
    recipe.anchors("train", anchors)
    ids = [anchor.anchor_id for anchor in anchors]
    rows = [
        Mixture(f"{row:08d}", ids[row % len(ids)], ids[(row + 5) % len(ids)])
        for row in range(NUM_ROWS)
    ]
    write_table(recipe.data / "mixtures" / "train.csv", rows, Mixture)
    return MixtureList(recipe.data / "mixtures" / "train.csv", AnchorSet(recipe.data / "train"))


def expected(mixtures, seed, mix, row):
    """The number of the anchor whose query is taken, or the mean of the class's numbers."""
    anchors = mixtures.anchors.anchors
    target = anchors[mixtures.target_rows[row]]
    of_class = [n for n, anchor in enumerate(anchors) if anchor.class_id == target.class_id]
    others = [n for n in of_class if anchors[n].group != target.group]
    generator = np.random.default_rng([seed, PURPOSES["training_query"], row])
    if generator.random() >= mix:
        return mixtures.target_rows[row]
    if others and generator.random() >= 0.5:
        return others[generator.integers(len(others))]
    return np.mean(of_class)


@pytest.mark.parametrize("mix", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("seed", [0, 7])
def test_queries_follow_the_rule(mixtures, seed, mix, monkeypatch):
    monkeypatch.setattr(class_queries, "ROWS_AT_A_TIME", 2)  # blocks show nowhere
    queries = ClassQueries(mixtures, System(query_from="class", query_mix=mix), seed)
    rows = np.random.default_rng(1).permutation(NUM_ROWS)
    read = queries.read(rows)
    numbers = np.array([expected(mixtures, seed, mix, row) for row in rows.tolist()], np.float32)
    np.testing.assert_array_equal(read, np.stack([numbers, numbers], axis=1))
    assert read.dtype == np.float32
    np.testing.assert_array_equal(queries.read(rows[5:7]), read[5:7])  # whatever is read beside


def test_probabilities_follow_the_same_draws(mixtures):
    rows = np.arange(NUM_ROWS)
    system = System(query_from="class", query_mix=1.0)
    embeddings = ClassQueries(mixtures, system, 3).read(rows)
    system.query = "at_soft"
    probabilities = ClassQueries(mixtures, system, 3).read(rows)
    assert probabilities.shape == (NUM_ROWS, 3)
    np.testing.assert_allclose(probabilities[:, :1], embeddings[:, :1] / 10, rtol=1e-6)


def test_half_are_means_and_no_other_anchor_is_of_the_targets_group(mixtures):
    system = System(query_from="class", query_mix=1.0)
    read = ClassQueries(mixtures, system, 0).read(np.arange(NUM_ROWS))[:, 0]
    # /m/0: rows 0 .. 4, of groups a a b b c, mean 2, which row 2 has as well
    own = [value for row, value in enumerate(read) if mixtures.target_rows[row] == 4]
    assert set(own) == {0.0, 1.0, 2.0, 3.0}
    assert own.count(2.0) / len(own) == pytest.approx(0.5 + 0.125, abs=0.15)  # 3 deviations
    for target, others in ((0, {2.0, 3.0, 4.0}), (2, {0.0, 1.0, 2.0, 4.0})):
        values = {v for row, v in enumerate(read) if mixtures.target_rows[row] == target}
        assert values == others
    # of one group: the mean alone
    assert {v for row, v in enumerate(read) if 5 <= mixtures.target_rows[row] < 9} == {6.5}
    assert {v for row, v in enumerate(read) if mixtures.target_rows[row] == 9} == {9.0}
