"""Every item falls to one shard, whatever their number."""

import pytest

from uss.shards import mine, parts, shard


def set_shard(monkeypatch, index, num_shards):
    monkeypatch.setenv("SHARD", str(index))
    monkeypatch.setenv("NUM_SHARDS", str(num_shards))


def test_one_shard_where_the_environment_names_none(monkeypatch):
    monkeypatch.delenv("SHARD", raising=False)
    monkeypatch.delenv("NUM_SHARDS", raising=False)
    assert shard() == (0, 1)
    assert mine([1, 2, 3]) == [1, 2, 3]


@pytest.mark.parametrize("num_shards", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("num_items", [0, 1, 6, 7])
def test_every_item_is_covered_once(monkeypatch, num_shards, num_items):
    covered = []
    for index in range(1, num_shards + 1):
        set_shard(monkeypatch, index, num_shards)
        assert shard() == (index - 1, num_shards)
        covered += mine(range(num_items))
    assert sorted(covered) == list(range(num_items))


@pytest.mark.parametrize(("index", "num_shards"), [(0, 1), (2, 1), (-1, 3), ("one", 1), ("", 1)])
def test_wrong_shards(monkeypatch, index, num_shards):
    set_shard(monkeypatch, index, num_shards)
    with pytest.raises(ValueError, match="SHARD"):
        shard()


def test_parts_are_consecutive():
    assert parts(7, 3) == [range(0, 3), range(3, 6), range(6, 7)]
    assert parts(6, 3) == [range(0, 3), range(3, 6)]
    assert parts(0, 3) == []
