"""Packed clips with a burst each, and a detector and an encoder that can be reckoned by hand."""

from typing import NamedTuple

import numpy as np
import torch

from tests.helpers.tiny_recipe import RATE, SPLITS, Recipe, clip
from uss.data.packed import part_path, write_part
from uss.model_store import networks
from uss.tables import Anchor, read_table

HOP = 80
SECONDS = 2.0
SEGMENT = 0.5
NUM_SAMPLES = round(SEGMENT * RATE)


class Frames(NamedTuple):
    framewise: torch.Tensor


class Embedded(NamedTuple):
    embedding: torch.Tensor
    probabilities: torch.Tensor


class Detector(torch.nn.Module):
    """Every class is as likely as the frame is loud."""

    def __init__(self):
        super().__init__()
        self.frame_samples = float(HOP)
        self.weight = torch.nn.Parameter(torch.ones(1))

    def forward(self, waveform):
        level = waveform.reshape(len(waveform), -1, HOP).square().mean(dim=2)
        level = torch.cat([level, level[:, -1:]], dim=1)
        return Frames(self.weight * level[..., None].repeat(1, 1, 2))


class Encoder(torch.nn.Module):
    """Peak and level."""

    def __init__(self):
        super().__init__()
        self.fc1 = torch.nn.Linear(1, 2)
        self.fc_audioset = torch.nn.Linear(1, 1)

    def forward(self, waveform):
        level = waveform.square().mean(dim=1, keepdim=True)
        return Embedded(torch.cat([waveform.amax(dim=1, keepdim=True), level], dim=1), level)


LABELS = {"a": "/m/0", "b": "/m/0 /m/1", "c": "/m/1", "d": "", "e": "/m/0"}
BURSTS = {"a": 0.2, "b": 0.75, "c": 1.9, "d": 1.0, "e": None}  # e is silent


def waveform(start):
    """Two seconds of faint noise with a burst of 0.3 s."""
    result = np.zeros(round(SECONDS * RATE), np.int16)
    if start is not None:
        result += np.random.default_rng(0).integers(-9, 10, len(result)).astype(np.int16)
        stretch = slice(round(start * RATE), round((start + 0.3) * RATE))
        result[stretch] = 20000 * np.sign(np.sin(np.arange(len(result[stretch]))))
    return result


def write_bursts(recipe: Recipe, monkeypatch) -> Recipe:
    """Packed clips in two parts; the networks above instead of trained ones."""
    recipe.conf("anchors", segment_seconds=SEGMENT, silence_dbfs=-60.0, batch_size=2)
    recipe.conf("pretrained")
    recipe.classes("/m/0", "/m/1")
    for split in SPLITS:
        clips = [
            clip(f"{split}_{name}", labels)._replace(duration_seconds=SECONDS)
            for name, labels in LABELS.items()
        ]
        recipe.clips(split, *clips)
        for part, names in enumerate((("a", "b", "c"), ("d", "e"))):
            datasets = {
                "audio_name": [f"{split}_{name}" for name in names],
                "waveform": np.stack([waveform(BURSTS[name]) for name in names]),
                "target": np.array([[c in LABELS[n] for c in ("/m/0", "/m/1")] for n in names]),
            }
            write_part(
                part_path(recipe.data / split / "waveforms", part), datasets, sample_rate=RATE
            )
    recipe.conf("detector")
    monkeypatch.setattr(networks, "panns_digest", lambda pretrained, name: name)
    monkeypatch.setattr(networks, "load_sound_event_detector", lambda *_: Detector())
    monkeypatch.setattr(networks, "load_query_encoder", lambda *_: Encoder())
    return recipe


def table(split="train", name="anchors"):
    """anchor_id -> row of the table of a split."""
    return {row.anchor_id: row for row in read_table(f"data/{split}/{name}.csv", Anchor)}
