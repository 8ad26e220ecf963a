"""What every recipe of egs/ keeps to, whatever its systems are called and its values are."""

import os
from pathlib import Path

import torch

from tests.helpers.recipe_runs import ROOT
from uss.models.audio_mae import AudioMae
from uss.models.mae_resunet import build_separator
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.models.published import PANNS
from uss.recipe_config import check
from uss.schema import PannsModel

SHIPPED = ("audioset", "debian_sounds", "fsd50k", "mini")  # tests judge the values of these alone
NUM_CLASSES = 5


def recipes(egs: Path) -> list[Path]:
    return sorted(path.parent for path in egs.glob("*/run.sh"))


def keeps_the_rules(recipe: Path) -> dict[str, object]:
    """Its configurations by name, of which all models are built where it trains any.

    Raises:
        AssertionError: a script is not as in egs/mini, or cannot be called.
        ValueError: a YAML does not fit.
    """
    common = ROOT / "egs" / "mini" / "run.sh"
    assert (recipe / "run.sh").read_bytes() == common.read_bytes(), f"{recipe}: another run.sh"
    for script in ("run.sh", "local/prepare.sh"):
        assert os.access(recipe / script, os.X_OK), f"{recipe / script} is not executable"
    configs = check(recipe / "conf", [])
    if "train" in configs:  # a recipe may measure alone: conf/stages
        build_models(configs)
    return configs


def build_models(configs: dict) -> None:
    """Without numbers: shapes and checks."""
    sample_rate = configs["resample"].sample_rate
    detector = PANNS
    if "detector" in configs:
        detector = PannsModel(
            sample_rate=sample_rate, num_classes=NUM_CLASSES, **vars(configs["detector"].model)
        )
    amae = configs["amae"].model
    if amae.mean is None:
        amae.mean, amae.std = 0.0, 1.0
    with torch.device("meta"):
        Cnn14(detector)
        Cnn14DecisionLevelMax(detector)
        AudioMae(amae)
        for name, system in configs.items():
            if name.startswith("systems/"):
                build_separator(system, detector.channels[-1], sample_rate, amae)
