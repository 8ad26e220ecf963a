"""A tiny recipe in a temporary folder that is the working directory of the test."""

import pytest

from tests.helpers.tiny_recipe import RATE, SECONDS, SPLITS, Recipe, clip, tone
from uss import audio


@pytest.fixture
def recipe(tmp_path, monkeypatch) -> Recipe:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SHARD", raising=False)
    monkeypatch.delenv("NUM_SHARDS", raising=False)
    return Recipe(tmp_path)


@pytest.fixture
def raw(recipe):
    """Where the audio files lie; the recipe has one good clip a split, in the folder's files."""
    recipe.conf(
        "resample",
        sample_rate=RATE,
        clip_seconds=SECONDS,
        clips_per_part=3,
        max_rejected_fraction=0.0,
        silence_dbfs=-60.0,
    )
    recipe.classes("/m/0", "/m/1")
    for split in SPLITS:
        recipe.clips(split, clip(f"{split}_good", "/m/1"))
        audio.write_wav(recipe.data / "raw" / f"{split}_good.wav", tone(), RATE)
    return recipe.data / "raw"
