"""Scenes of a minute out of evaluation recordings, with the true sound of every class.

A scene holds some classes that may meet, each with several events at random times and levels over
pink noise; events of different classes overlap as they fall. Everything is a pure function of
data.seed and the scene's number.
"""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from ...local.clip_contents import choose
from ...local.data_config import Data
from ...local.recordings import Recording
from ...local.sounds import draw_level, excerpt, load_sound, pink_noise, set_level

RATE = 48000  # Hz, of the scenes; lower ones are made from it
SECONDS = 60
CLASSES, EVENTS = 5, 5  # of a scene, of a class in it
SCENE = 108  # purpose of a generator: default_rng([seed, purpose, scene])


class Scene(NamedTuple):
    """mixture (samples,) and sources: class name -> (samples,), float32 at RATE."""

    mixture: np.ndarray
    sources: dict[str, np.ndarray]


def make_scenes(
    recordings: list[Recording], forbidden: set[frozenset[str]], num_scenes: int, config: Data
) -> Iterator[Scene]:
    """Scenes over which all classes come about equally often.

    Args:
        recordings: of the evaluation split.
        forbidden: pairs of names of classes that never meet.
    """
    config = replace(config, sample_rate=RATE)
    of_class = defaultdict(list)
    for row in recordings:
        of_class[row.audioset_label].append(row)
    waiting: list[str] = []
    for number in range(num_scenes):
        rng = np.random.default_rng([config.seed, SCENE, number])
        names: list[str] = []
        while len(names) < CLASSES:
            fitting = [
                name
                for name in waiting
                if name not in names and all(frozenset((name, n)) not in forbidden for n in names)
            ]
            if fitting:
                names.append(fitting[0])
                waiting.remove(fitting[0])
            else:
                waiting += [sorted(of_class)[i] for i in rng.permutation(len(of_class))]
        yield make_scene({name: of_class[name] for name in names}, config, rng)


def make_scene(
    of_class: dict[str, list[Recording]], config: Data, rng: np.random.Generator
) -> Scene:
    num_samples = SECONDS * RATE
    sources = {}
    for name, rows in of_class.items():
        source = np.zeros(num_samples, np.float32)
        slot = num_samples // EVENTS
        for position, row in enumerate(choose(rows, EVENTS, False, rng)[:EVENTS]):
            sound = excerpt(load_sound(row.file, config), config, rng)
            start = position * slot + int(rng.integers(0, slot - len(sound) + 1))
            source[start : start + len(sound)] = set_level(
                sound, draw_level(config.event_dbfs, rng)
            )
        sources[name] = source
    noise = pink_noise(num_samples, draw_level(config.floor_dbfs, rng), rng)
    mixture = (noise + sum(sources.values())).astype(np.float32)
    scale = 1 / max(1.0, float(np.abs(mixture).max()))
    return Scene(mixture * scale, {name: source * scale for name, source in sources.items()})
