"""Systems that take nothing of what the A-MAE has learned do not depend on its training."""

import logging
from pathlib import Path

import pytest
import yaml

from tests.helpers.training_recipe import SYSTEM
from uss.bin import features, train, train_amae

SHORT = ["training.steps=2", "model.mean=-4.0", "model.std=2.5"]
CONTROLS = {
    "random": {"features": "aligned", "fusion": "film", "pretrained": False, "source": "live"},
    "cached": {"features": "aligned", "fusion": "concat", "pretrained": False},
    "log_mel": {"features": "log_mel", "fusion": "film", "source": "live"},
}


def pretrain(steps: int) -> None:
    settings = [*SHORT, f"training.steps={steps}"]
    train_amae.main(["--systems=updated", *(f"--set=amae.{setting}" for setting in settings)])


def train_system(system: str, name: str) -> None:
    features.main(["--systems", system])
    train.main([f"--name={name}", "--systems", system, "--set=train.steps=2"])


@pytest.fixture(params=CONTROLS)
def control(request, recipe) -> str:
    path = recipe / "conf" / "systems" / f"{request.param}.yaml"
    path.write_text(yaml.safe_dump({**SYSTEM, "amae": CONTROLS[request.param]}))
    return request.param


def test_a_longer_pretraining_asks_for_no_other_training(control, caplog):
    pretrain(2)
    for system in (control, "updated"):
        train_system(system, "one")
    pretrain(4)
    caplog.set_level(logging.INFO)
    train_system(control, "one")
    assert f"skip exp/one/{control}" in caplog.text
    with pytest.raises(ValueError, match="audio_mae"):
        train_system("updated", "one")


def test_they_need_not_wait_for_its_end(control):
    pretrain(2)
    config = Path("data/amae/config.yaml")
    config.write_text(config.read_text().replace("steps: 2\n", "steps: 8\n"))
    train_system(control, "one")
    with pytest.raises(ValueError, match="data/amae has done 2 of 8 training steps"):
        train_system("updated", "one")


def test_its_shape_must_be_there(control):
    with pytest.raises(ValueError, match="data/amae holds no model; stage 4 trains it"):
        train_system(control, "one")
