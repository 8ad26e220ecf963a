"""One bit of the newest checkpoint flipped: a training goes back to the one before, to the same
weights; nothing else opens an older one."""

import logging
from pathlib import Path

import pytest
import torch

from tests.helpers.flipped_weight import flip_a_weight
from uss.bin import average_embeddings, features, train, train_amae
from uss.bin import train_detector as train_detector
from uss.bin.average_embeddings import separators
from uss.files import digest
from uss.layout import AMAE, DETECTOR
from uss.model_store import checkpoint, networks
from uss.model_store.loading import load_amae, load_detector, load_separator
from uss.model_store.model_config import checkpoints, is_finished, newest_checkpoint, steps_done
from uss.schema import Pretrained

SAVES = ["training.steps=4", "training.save_minutes=0"]


def flip(directory: Path) -> Path:
    path = checkpoints(directory)[-1][1]
    flip_a_weight(path)
    return path


def assert_mended(directory: Path, run, caplog) -> None:
    """`run` trains; it has been run once."""
    before = checkpoint.load_newest(directory)
    path = flip(directory)
    assert steps_done(directory) == 3 and is_finished(directory)
    caplog.clear()
    run()
    assert f"run {directory}: 3 of 4 steps are done" in caplog.text
    assert f"{path} does not open (" in caplog.text and "goes on from step 3" in caplog.text
    after = checkpoint.load_newest(directory)
    assert after["step"] == 4
    assert all(torch.equal(tensor, after["model"][key]) for key, tensor in before["model"].items())
    caplog.clear()
    run()
    assert f"skip {directory}: all 4 steps are done" in caplog.text


@pytest.mark.slow
def test_the_detector(recipe, caplog):
    caplog.set_level(logging.INFO)

    def run():
        train_detector.main([f"--set=detector.{value}" for value in SAVES])

    run()
    assert_mended(DETECTOR, run, caplog)
    path = flip(DETECTOR)
    for reader in (
        lambda: load_detector(DETECTOR),
        lambda: networks.panns_digest(Pretrained(), "query_encoder"),
        lambda: average_embeddings.write_panns(Path("exp/one/panns.pt"), Pretrained()),
    ):
        with pytest.raises(ValueError, match=rf"{path} is damaged \(.*; stage 2 trains it"):
            reader()


def test_the_amae(amae, caplog):
    caplog.set_level(logging.INFO)
    Path("data/amae").rename("data/before")
    systems = ["--systems", "frozen"]

    def run():
        train_amae.main([*systems, *(f"--set=amae.{value}" for value in SAVES)])

    run()
    assert_mended(AMAE, run, caplog)
    path = flip(AMAE)
    for reader in (
        lambda: load_amae(AMAE),
        lambda: features.main(systems),
        lambda: networks.load_encoder(Pretrained()),
        lambda: train.main(["--name=one", *systems]),
    ):
        with pytest.raises(ValueError, match=rf"{path} is damaged \(.*; stage 4 trains it"):
            reader()


def test_a_separator(recipe, caplog):
    caplog.set_level(logging.INFO)
    options = ["--name=one", "--systems=resunet", "--set=train.steps=4"]

    def run():
        train.main([*options, "--set=train.save_minutes=0"])

    run()
    directory = Path("exp/one/resunet")
    assert_mended(directory, run, caplog)
    loaded = load_separator(directory)
    assert digest(loaded.weights) == digest(newest_checkpoint(directory))
    path = flip(directory)
    for reader in (
        lambda: load_separator(directory),
        lambda: load_separator(directory, trained=False),
        lambda: newest_checkpoint(directory),
        lambda: separators(Path("exp/one")),
    ):
        with pytest.raises(ValueError, match=rf"{path} is damaged \(.*; stage 5 trains it"):
            reader()


def test_a_training_of_another_network_is_not_gone_on_with(recipe):
    options = ["--name=one", "--systems=resunet", "--set=train.save_minutes=0"]
    train.main([*options, "--set=train.steps=2"])
    (_, path) = checkpoints(Path("exp/one/resunet"))[-1]
    state = torch.load(path, weights_only=True)
    del state["model"]["network.bn0.bias"]
    torch.save(state, path)
    with pytest.raises(ValueError, match=rf"{path} does not hold .*missing: network.bn0.bias"):
        train.main([*options, "--set=train.steps=3"])
    torch.save({key: state[key] for key in ("step", "model")}, path)
    with pytest.raises(ValueError, match=rf"{path} lacks log, num_skipped, optimizer. Remove it"):
        train.main([*options, "--set=train.steps=3"])
    path.unlink()
    train.main([*options, "--set=train.steps=3"])
    assert checkpoint.load_newest(Path("exp/one/resunet"))["step"] == 3
