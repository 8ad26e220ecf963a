"""AudioSet's hierarchy, and stretches in which something is heard."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from tests.separation.chirp import RATE
from uss.labels import audioset_classes, audioset_names, audioset_parents
from uss.separation.detection import ancestors, auto_queries, detect, without_query


def named(class_name: str, level: int) -> list[str]:
    classes, names = audioset_classes(), audioset_names()
    class_id = classes.ids[classes.index_of_name(class_name)]
    return [names[node] for node in ancestors(class_id, level, audioset_parents())]


@pytest.mark.parametrize(
    ("class_name", "level", "nodes"),
    [
        ("Speech", 1, ["Human sounds"]),
        ("Speech", 2, ["Human voice"]),
        ("Speech", 3, ["Speech"]),
        ("Male speech, man speaking", 3, ["Speech"]),
        ("Dial tone", 1, ["Sounds of things"]),
        ("Dial tone", 2, ["Alarm"]),
        ("Dial tone", 3, ["Telephone"]),
        ("Animal", 3, ["Animal"]),  # higher than the level: itself
    ],
)
def test_levels_of_the_hierarchy(class_name, level, nodes):
    assert named(class_name, level) == nodes


def test_every_class_has_a_node_at_every_level():
    parents, names = audioset_parents(), audioset_names()
    roots = {class_id for class_id, above in parents.items() if not above}
    for class_id in audioset_classes().ids:
        assert set(ancestors(class_id, 1, parents)) <= roots
        for level in (2, 3):
            assert all(node in names for node in ancestors(class_id, level, parents))
    assert ancestors("/m/of_our_own", 1, parents) == ["/m/of_our_own"]


def test_a_node_is_separated_by_the_mean_of_what_is_heard_below_it(model, monkeypatch):
    monkeypatch.setattr("uss.separation.detection.ancestors", lambda *_: ["/m/09x0r"])
    heard = [SimpleNamespace(class_id=class_id) for class_id in ("/m/1", "/m/0", "/m/1", "/m/2")]
    for stretch in heard:
        stretch.name = f"class {stretch.class_id[-1]}"
    (query,) = auto_queries(model, heard, 2)
    assert without_query(model, heard) == ["class 2"]
    assert query.name == "Speech"
    assert query.origin["heard"] == ["class 1", "class 0"]  # class 2 has no average embedding
    np.testing.assert_allclose(
        query.values, (model.class_query("0").values + model.class_query("1").values) / 2
    )


def test_the_time_line(model, write, monkeypatch):
    """Seconds 3 to 5 and 12 of 12.5, across the detector's clips of 10 s."""

    def loudness(waveform):
        frames = waveform[:, : 10 * RATE].reshape(1, -1, 160).abs().amax(dim=2)
        return SimpleNamespace(framewise=torch.stack([frames, 0 * frames, 0 * frames], dim=2))

    loudness.frame_samples = 160.0
    monkeypatch.setattr(model, "detector", loudness)
    time = np.arange(round(12.5 * RATE)) / RATE
    wave = 0.9 * np.sin(2 * np.pi * 1000 * time)
    wave[~(((time > 3.1) & (time < 5.9)) | (time > 12.1))] = 0
    heard = detect(model, write("a.wav", wave), 0.5)
    assert [(h.name, h.start_seconds, h.end_seconds) for h in heard] == [
        ("class 0", 3, 6),
        ("class 0", 12, 13),
    ]
