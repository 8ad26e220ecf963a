"""Model directories: what training leaves, what is published, what is damaged."""

import numpy as np
import torch

from tests.field.case import Done, case, require
from tests.field.place import Place

MODELS = "models"
PUBLISHED = """
import sys, torch
sys.path.insert(0, {root!r})
from tests.helpers.published_files import save_panns
from tests.helpers.reference_weights import empty_state
from uss.command import run
from uss.models.panns import Cnn14
from uss.models.published import load_panns
half = {{key: value.to(torch.{dtype}) if value.is_floating_point() else value
         for key, value in empty_state("Cnn14").items()}}
save_panns("weights.pth", half)
def main(argv):
    network = load_panns("weights.pth", Cnn14)
    print({{tensor.dtype for tensor in network.parameters()}})
run(main)
"""


def published(place: Place, dtype: str) -> str:
    from tests.field.place import ROOT

    code = PUBLISHED.format(root=str(ROOT), dtype=dtype)
    done = place.run("python", "-P", "-c", code).require_ok()
    require("{torch.float32}" in done.said, done.short)
    return "loaded, as float32"


@case(MODELS, "own", "PANNs in float16 (published weights)", "loaded")
def weights_in_half_precision(place: Place) -> str:
    return published(place, "float16")


@case(MODELS, "own", "PANNs in bfloat16, and in float64", "loaded")
def weights_of_other_types(place: Place) -> str:
    published(place, "float64")
    return published(place, "bfloat16")


def spoiled(place: Place, change) -> None:
    """A copy of the model directory with a changed newest checkpoint."""
    model = place.recipe() / "exp" / "one" / "resunet"
    path = max((model / "checkpoints").glob("step_*.pt"))
    content = torch.load(path, weights_only=True)
    change(content["model"])
    torch.save(content, path)
    place.model = model


@case(MODELS, "own", "a model with a NaN in its weights: `sep a.wav --residual`", "refused")
def weights_of_nan(place: Place) -> str:
    def change(weights: dict) -> None:
        key = next(key for key in weights if key.endswith("weight"))
        weights[key].view(-1)[0] = float("nan")

    spoiled(place, change)
    place.wav("a.wav")
    done = place.separate("a.wav", "--residual")
    finite = [bool(np.isfinite(x).all() and x.any()) for x, _ in place.outputs().values()]
    require(done.sentence and not finite, f"{done.short}; finite and not silent: {finite}")
    return done.short


@case(MODELS, "own", "a model whose output is beyond any sound (weights of 1e30): `sep`", "refused")
def weights_of_1e30(place: Place) -> str:
    def change(weights: dict) -> None:
        for key in weights:
            if "decoder" in key and key.endswith("weight"):
                weights[key] *= 1e30

    spoiled(place, change)
    place.wav("a.wav")
    done = place.separate("a.wav", "--residual")
    peaks = [float(np.abs(x).max()) for x, _ in place.outputs().values()]
    require(done.sentence and not peaks, f"{done.short}; peaks {peaks}, of the input 0.3")
    return done.short


def with_attribute(place: Place, value: object) -> Done:
    import h5py

    recipe = place.recipe()
    with h5py.File(recipe / "exp/one/resunet/average_embeddings.h5", "r+") as file:
        file.attrs["segment_samples"] = value
    place.wav("a.wav")
    place.model = recipe / "exp" / "one" / "resunet"
    return place.separate("a.wav", seconds=20)


@case(MODELS, "own", "segment_samples of 0, of -1 and of 1e9: `sep`", "refused, within 10 s")
def segments_of_no_samples(place: Place) -> str:
    from pathlib import Path

    said = ""
    for value in (0, -1, 10**9):
        own = Place(place.folder / str(value))
        Path(own.folder).mkdir()
        done = with_attribute(own, value)
        require(done.sentence, f"{value}: {done.short}")
        said = done.short
    return said


@case(MODELS, "own", "config.yaml with channels of 1e9: `sep`, `uss info`", "refused, at once")
def channels_of_1e9(place: Place) -> str:
    import yaml

    model = place.recipe() / "exp" / "one" / "resunet"
    path = model / "config.yaml"
    content = yaml.safe_load(path.read_text())
    content["system"]["channels"] = [10**9] * 3
    path.write_text(yaml.safe_dump(content))
    place.wav("a.wav")
    place.model = model
    return place.separate("a.wav", seconds=20).require_sentence("channels|shape|fit").short


@case(
    MODELS,
    "own",
    "packed clips, anchors and features with strings of variable length: stages 2 and 5",
    "refused: no array to be mapped",
)
def strings_of_variable_length(place: Place) -> str:
    import shutil

    import h5py

    said = []
    options = ("--name", "new", "--set=train.steps=1", "--systems")
    for file, dataset, words in (
        ("data/train/waveforms/part_0000.h5", "audio_name", ("train_detector",)),
        ("data/train/waveforms/part_0000.h5", "extra", ("train_detector",)),
        ("data/train/anchors/part_0000.h5", "anchor_id", ("train", *options, "resunet")),
        (
            "data/features/aligned_joint/train/part_0000.h5",
            "features",
            ("train", *options, "frozen"),
        ),
    ):
        recipe = place.recipe()
        shutil.rmtree(recipe / "data" / "detector")
        with h5py.File(recipe / file, "r+") as opened:
            rows = len(next(iter(opened.values())))
            if dataset in opened:
                del opened[dataset]
            texts = [f"text {row}" for row in range(rows)]
            opened.create_dataset(dataset, data=texts, dtype=h5py.string_dtype())
        done = place.uss(*words, cwd=recipe)
        require(done.sentence, f"{dataset}: {done.short}")
        said.append(done.line)
        shutil.rmtree(recipe)
    return said[0]


@case(
    MODELS,
    "own",
    "a pretraining of the A-MAE whose loss is not finite (a learning rate of 9e29)",
    "batches are skipped and kept, and after 10 it stops",
)
def a_batch_of_the_amae_that_is_not_finite(place: Place) -> str:
    recipe = place.recipe()
    import shutil

    shutil.rmtree(recipe / "data" / "amae")
    rate = "--set=amae.training.learning_rate=9e29"
    done = place.uss("train_amae", "--systems", "updated", rate, cwd=recipe)
    require("is skipped" in done.said, done.short)
    return done.require_sentence("not finite").short


@case(MODELS, "own", "the same for the detector and a separator", "the same")
def batches_of_the_others_that_are_not_finite(place: Place) -> str:
    import shutil

    recipe = place.recipe()
    shutil.rmtree(recipe / "data" / "detector")
    separator = ("train", "--name", "new", "--systems", "resunet")
    for words in (
        ("train_detector", "--set=detector.training.learning_rate=9e29"),
        (*separator, "--set=train.learning_rate=9e29", "--set=train.steps=30"),
    ):
        done = place.uss(*words, cwd=recipe)
        require("is skipped" in done.said, done.short)
        done.require_sentence("not finite")
    return done.short


@case(
    MODELS,
    "own",
    "`uss export` where no onnxruntime is installed",
    "does not advise to install a package called uss, which is another one",
)
def advice_to_install_another_uss(place: Place) -> str:
    code = "import sys; sys.modules['onnxruntime'] = None\nfrom uss.bin import cli; cli.console()"
    done = place.run("python", "-P", "-c", code, "export", place.model, "--onnx", "x.onnx")
    require("install 'uss[" not in done.said, done.short)
    return done.require_sentence("onnx").short
