from collections import Counter

import numpy as np
import pytest

from egs.debian_sounds.experiments.scenes.scenes import CLASSES, make_scenes
from egs.debian_sounds.local.data_config import Data
from egs.debian_sounds.local.recordings import Recording
from tests.helpers.debian_recipe import RECIPE, sound
from uss.audio import dbfs, write_wav
from uss.config import load

NAMES = [f"class {i}" for i in range(8)]
FORBIDDEN = {frozenset(NAMES[:2])}


@pytest.fixture(scope="module")
def config():
    return load(RECIPE / "conf", "data", Data)


@pytest.fixture(scope="module")
def recordings(tmp_path_factory) -> list:
    """Two recordings of half a second of each class."""
    folder = tmp_path_factory.mktemp("recordings")
    rows = []
    for number, name in enumerate(NAMES * 2):
        path = folder / f"{number}.wav"
        write_wav(path, sound(number, 0.5, 16000), 16000)
        row = [f"id{number}", name, "package", "", str(path), 0.5, 16000, "CC0"]
        rows.append(Recording(*row, f"g{number}", f"g{number}"))
    return rows


@pytest.fixture(scope="module")
def scenes(recordings, config) -> list:
    return list(make_scenes(recordings, FORBIDDEN, 4, config))


def test_a_scene_is_its_sources_and_a_floor(scenes, config):
    for scene in scenes:
        assert len(scene.sources) == CLASSES
        assert scene.mixture.shape == (60 * 48000,) and scene.mixture.dtype == np.float32
        floor = scene.mixture - sum(scene.sources.values())
        assert config.floor_dbfs[0] - 1 < dbfs(floor) < config.floor_dbfs[1] + 1
        for source in scene.sources.values():
            sounding = np.abs(source.reshape(5, -1)).max(axis=1) > 0  # an event in each slot
            assert sounding.all()
            assert 0.5 * 5 * 0.8 < np.count_nonzero(source) / 48000 <= 0.5 * 5 * 1.05


def test_classes_come_evenly_and_forbidden_ones_never_meet(scenes):
    num = Counter(name for scene in scenes for name in scene.sources)
    assert set(num) == set(NAMES) and max(num.values()) - min(num.values()) <= 2
    assert not any(set(NAMES[:2]) <= set(scene.sources) for scene in scenes)


def test_scenes_are_the_same_each_time(recordings, config, scenes):
    again = next(make_scenes(recordings, FORBIDDEN, 4, config))
    assert np.array_equal(again.mixture, scenes[0].mixture)
