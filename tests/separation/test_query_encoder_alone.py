"""A recipe whose detector does not know its classes: stage 6 keeps the query encoder alone."""

import shutil

import numpy as np
import pytest
import torch

from uss.bin.average_embeddings import share_panns, write_panns
from uss.schema import Pretrained
from uss.separation.interface import SoundSeparator


def test_examples_are_heard_and_nothing_is_detected(experiment, tmp_path, monkeypatch, caplog):
    recipe = tmp_path / "recipe"
    shutil.copytree(experiment.parents[1], recipe)
    monkeypatch.chdir(recipe)
    panns = recipe / "exp" / "one" / "panns.pt"
    assert write_panns(panns, Pretrained(sound_event_detector="published.pth"))
    share_panns(panns.parent / "resunet", panns)
    assert f"no sound_event_detector in {panns}, so no --auto: pretrained.yaml names" in caplog.text
    assert torch.load(panns, weights_only=True).keys() == {"query_encoder"}

    separator = SoundSeparator(panns.parent / "resunet")
    example = np.random.default_rng(0).normal(0, 0.1, (1, 16000)).astype(np.float32)
    assert np.isfinite(separator.example(example, 16000).values).all()
    with pytest.raises(ValueError, match="holds no network sound_event_detector.*where the recipe"):
        _ = separator.model.detector
