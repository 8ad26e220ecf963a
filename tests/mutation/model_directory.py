"""Model directories, damaged: config.yaml, the newest checkpoint, average_embeddings.h5, panns.pt.
Through `uss separate` by class, by example and by ear, and through `uss info`."""

import os
from pathlib import Path

import numpy as np
import soundfile
import yaml

from tests.helpers.tiny_experiment import tiny_experiment
from tests.mutation.audio import RATE, sound
from tests.mutation.campaign import Kind, Mutant
from tests.mutation.commands import faultless, outputs, separate, uss, warm_up
from tests.mutation.damage import Rng, damaged, damaged_tree
from tests.mutation.h5_damage import damaged_h5
from tests.mutation.tensors import damaged_file
from tests.mutation.trial import Trial

SYSTEMS = ("resunet", "at_soft", "updated")
PARTS = ("config", "config", "config", "checkpoint", "checkpoint", "embeddings", "panns")
SECONDS = 1.0


def prepare() -> Kind:
    import torch

    warm_up()
    folder = tiny_experiment() / "exp" / "one"
    contents = {}  # file -> (what torch.load gives, bytes)
    for system in SYSTEMS:
        for path in (newest(folder / system), (folder / system / "panns.pt").resolve()):
            content = torch.load(path, map_location="cpu", weights_only=True)
            contents[path] = (content, path.read_bytes())
    return Kind("model_directory", lambda rng, own: make(rng, own, folder, contents))


def newest(directory: Path) -> Path:
    return max((directory / "checkpoints").glob("step_*.pt"))


def make(rng: Rng, folder: Path, experiment: Path, contents: dict) -> Mutant:
    source = experiment / str(rng.choice(SYSTEMS))
    part = str(rng.choice(PARTS))
    model = folder / "model"
    link_all(source, model)
    target = {
        "config": model / "config.yaml",
        "checkpoint": newest(model),
        "embeddings": model / "average_embeddings.h5",
        "panns": model / "panns.pt",
    }[part]
    original = target.resolve()
    target.unlink()
    what = write_damaged(target, original, part, contents, rng)
    soundfile.write(folder / "a.wav", sound(SECONDS), RATE)
    soundfile.write(folder / "bell.wav", sound(0.6)[::-1], RATE)
    options = ["a.wav", "--model", "model", "--class", "0", "--query", "bell.wav", "--residual"]
    if part == "panns" or rng.random() < 0.3:
        options += ["--auto", "--threshold", "0.2"]

    @faultless
    def check(said: str) -> None:
        for name, samples in outputs(folder / "separated").items():
            assert len(samples) == round(SECONDS * RATE), f"{name} has {len(samples)} samples"
            assert np.abs(samples).max() < 100, f"{name} has a sample of {np.abs(samples).max()}"
        found = outputs(folder / "separated").values()
        assert any(samples.any() for samples in found), "silence in all outputs"

    return Mutant(
        f"{source.name}/{target.name}: {what}",
        [
            Trial("separate", separate(*options), check),
            Trial("info", uss("info", "model")),
        ],
    )


def link_all(source: Path, target: Path) -> None:
    """A folder of links to files."""
    (target / "checkpoints").mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file():
            os.symlink(path.resolve(), target / path.name)
    for path in (source / "checkpoints").iterdir():
        os.symlink(path.resolve(), target / "checkpoints" / path.name)


def write_damaged(target: Path, original: Path, part: str, contents: dict, rng: Rng) -> str:
    if part == "config":
        content = original.read_bytes()
        if rng.random() < 0.2:
            what, content = damaged(content, rng)
            target.write_bytes(content)
        else:
            what, tree = damaged_tree(yaml.safe_load(content), rng)
            target.write_text(yaml.safe_dump(tree, allow_unicode=True), encoding="utf-8")
        return what
    if part == "embeddings":
        return damaged_h5(original, target, rng)
    return damaged_file(target, *contents[original], rng)
