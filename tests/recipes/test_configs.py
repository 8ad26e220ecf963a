"""Every YAML of every recipe is read, and its models are built."""

import pytest
import torch

from tests.helpers.recipe_runs import ROOT
from uss.models.audio_mae import AudioMae
from uss.models.mae_resunet import build_separator
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.recipe_config import check
from uss.schema import PannsModel

RECIPES = sorted(path.parent.name for path in ROOT.glob("egs/*/run.sh"))
NUM_CLASSES = 5


def test_recipes_are_there():
    assert set(RECIPES) >= {"mini", "debian_sounds", "audioset"}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_yaml_builds_its_models(recipe):
    configs = check(ROOT / "egs" / recipe / "conf", [])
    sample_rate = configs["resample"].sample_rate
    detector = PannsModel(
        sample_rate=sample_rate, num_classes=NUM_CLASSES, **vars(configs["detector"].model)
    )
    amae = configs["amae"].model
    if amae.mean is None:
        amae.mean, amae.std = 0.0, 1.0
    systems = {name: value for name, value in configs.items() if name.startswith("systems/")}
    assert len(systems) >= 5
    with torch.device("meta"):  # shapes and checks without the numbers
        Cnn14(detector)
        Cnn14DecisionLevelMax(detector)
        AudioMae(amae)
        for system in systems.values():
            build_separator(system, detector.channels[-1], sample_rate, amae)
    training = configs["train"]
    if recipe != "audioset":
        assert training.warmup_steps <= 0.05 * training.steps
        assert training.batch_norm_momentum == 0.1
