"""A tiny recipe in a folder of its own, which is the working directory."""

import pytest

from tests.helpers.tiny_recipe import Recipe


@pytest.fixture
def recipe(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Recipe(tmp_path)
