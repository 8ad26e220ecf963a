"""Packed HDF5, damaged: clips, anchors and features through a training of one step, clips that
others packed through stage 1, a saved query through `uss separate`."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import h5py
import numpy as np
import soundfile
import yaml

from tests.helpers.tiny_experiment import ROOT, tiny_experiment
from tests.mutation.audio import RATE, sound
from tests.mutation.campaign import Kind, Mutant
from tests.mutation.commands import entry, faultless, outputs, separate, warm_up
from tests.mutation.damage import Rng
from tests.mutation.h5_damage import damaged_h5
from tests.mutation.trial import Trial
from uss.tables import ClassRow, Clip, PackedRow, write_table

CLIP_SECONDS = 0.5
PARTS = ("waveforms", "waveforms", "anchors", "anchors", "features", "packed", "packed", "query")
RESAMPLE = {
    "sample_rate": RATE,
    "clip_seconds": CLIP_SECONDS,
    "clips_per_part": 10,
    "max_rejected_fraction": 1.0,
}


def prepare() -> Kind:
    warm_up("train", "train_detector", "resample")
    return Kind("hdf5", lambda rng, folder: make(rng, folder, tiny_experiment(), query()))


def query() -> Path:
    """What --save-query writes, by the code of today."""
    recipe = tiny_experiment()
    path = recipe.with_name(f"{recipe.name}-query.h5")
    if not path.exists():
        folder = path.with_suffix(".made")
        folder.mkdir(exist_ok=True)
        soundfile.write(folder / "a.wav", sound(0.6), RATE)
        options = ["a.wav", "--query", "a.wav", "--save-query", "q.h5", "--output", "out"]
        command = [sys.executable, "-m", "uss", "separate", *options]
        command += ["--model", str(recipe / "exp" / "one" / "resunet")]
        variables = os.environ | {"PYTHONPATH": str(ROOT)}
        subprocess.run(command, cwd=folder, env=variables, check=True, capture_output=True)
        (folder / "q.h5").rename(path)
        shutil.rmtree(folder)
    return path


def make(rng: Rng, folder: Path, recipe: Path, saved_query: Path) -> Mutant:
    part = str(rng.choice(PARTS))
    if part == "packed":
        return packed(rng, folder)
    if part == "query":
        return of_query(rng, folder, recipe, saved_query)
    shutil.copytree(recipe / "conf", folder / "conf")
    shutil.copytree(recipe / "data", folder / "data")
    files = {
        "waveforms": "data/train/waveforms/part_0001.h5",
        "anchors": "data/train/anchors/part_0000.h5",
        "features": "data/features/aligned_joint/train/part_0001.h5",
    }
    target = folder / files[part]
    original = recipe / files[part]
    what = damaged_h5(original, target, rng)
    options = ("--name", "new", "--systems", "frozen" if part == "features" else "resunet")
    if part == "waveforms":
        shutil.rmtree(folder / "data" / "detector")
        command = entry("train_detector", "--set=detector.training.steps=1")
        directory = folder / "data" / "detector"
    else:
        command = entry("train", *options, "--set=train.steps=1")
        directory = folder / "exp" / "new" / options[-1]

    @faultless
    def check(said: str) -> None:
        import torch

        files = sorted((directory / "checkpoints").glob("step_*.pt"))
        assert files, "no checkpoint"
        model = torch.load(files[-1], weights_only=True)["model"]
        for key, tensor in model.items():
            assert torch.isfinite(tensor.float()).all(), f"{key} is not finite"

    return Mutant(f"{part}: {what}", [Trial(part, command, check)])


def packed(rng: Rng, folder: Path) -> Mutant:
    """A file as audioset_tagging_cnn packs it."""
    (folder / "conf").mkdir()
    (folder / "conf" / "resample.yaml").write_text(yaml.safe_dump(RESAMPLE))
    write_table(folder / "data" / "classes.csv", [ClassRow(0, "/m/0", "a")], ClassRow)
    whole = folder / "whole.h5"
    samples = np.round(sound(CLIP_SECONDS)[:, 0] * 32767).astype(np.int16)
    ids = [f"clip{row}" for row in range(6)]
    with h5py.File(whole, "w") as file:
        file["audio_name"] = np.array([f"Y{clip_id}.wav".encode() for clip_id in ids], "S20")
        file["waveform"] = np.tile(samples, (len(ids), 1))
        file["target"] = np.ones((len(ids), 1), bool)
        file.attrs.create("sample_rate", data=RATE, dtype=np.int32)
    what = damaged_h5(whole, folder / "mutant.h5", rng)
    for number, split in enumerate(("train", "dev", "eval")):
        path = "mutant.h5" if split == "train" else "whole.h5"
        own = ids[2 * number : 2 * number + 2]
        clips = [Clip(clip_id, path, 0.0, CLIP_SECONDS, "/m/0", clip_id) for clip_id in own]
        write_table(folder / "data" / split / "clips.csv", clips, Clip)
        rows = [PackedRow(clip_id, ids.index(clip_id)) for clip_id in own]
        write_table(folder / "data" / split / "packed.csv", rows, PackedRow)

    def check(said: str) -> str | None:
        from uss.data.waveforms import WaveformSet

        clips = WaveformSet("data/train")
        waveforms = clips.read(range(len(clips)))
        if waveforms.dtype != np.int16 or len(clips) and not waveforms.any():
            return f"the packed waveforms are {waveforms.dtype} {waveforms.shape}, or silent"
        return None

    return Mutant(f"packed: {what}", [Trial("packed", entry("resample"), check)])


def of_query(rng: Rng, folder: Path, recipe: Path, saved_query: Path) -> Mutant:
    what = damaged_h5(saved_query, folder / "q.h5", rng)
    soundfile.write(folder / "a.wav", sound(1.0), RATE)
    model = recipe / "exp" / "one" / "resunet"
    command = separate("a.wav", "--model", str(model), "--query", "q.h5", "--residual")

    @faultless
    def check(said: str) -> None:
        for name, samples in outputs(folder / "separated").items():
            assert len(samples) == RATE, f"{name} has {len(samples)} samples"
            assert np.abs(samples).max() < 100, f"{name} has a sample of {np.abs(samples).max()}"
        found = outputs(folder / "separated").values()
        assert any(samples.any() for samples in found), "silence in all outputs"

    return Mutant(f"query: {what}", [Trial("query", command, check)])
