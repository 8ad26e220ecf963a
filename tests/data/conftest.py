"""A tiny recipe in a temporary folder that is the working directory of the test."""

import pytest

from tests.data.tiny_recipe import Recipe


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Recipe:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARD", raising=False)
    monkeypatch.delenv("NUM_SHARDS", raising=False)
    return Recipe(tmp_path)
