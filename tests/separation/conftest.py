"""Model directories as stages 2 to 6 leave them, with networks of a few units."""

from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.helpers.training_recipe import RATE, write_recipe
from uss.bin import cli
from uss.separation.model import Model
from uss.tables import Mixture, read_table, write_table
from uss.training.train_log import TrainLog


@pytest.fixture(scope="session")
def experiment(make_once) -> Path:
    """exp/one of a recipe: systems resunet (embedding), at_soft, updated (A-MAE)."""
    return make_once("separation", run_stages) / "exp" / "one"


def run_stages(recipe: Path) -> None:
    """Stages 2 to 6."""
    from uss.bin import average_embeddings, train, train_amae
    from uss.bin import train_detector as train_detector

    write_recipe(recipe)
    mixtures = read_table(recipe / "data" / "mixtures" / "train.csv", Mixture)
    write_table(recipe / "data" / "mixtures" / "query.csv", mixtures[:8], Mixture)  # not class 2
    systems = ["resunet", "at_soft", "updated"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(recipe)
        patch.setattr(TrainLog, "plot", lambda self: None)
        train_detector.main(["--set=detector.training.steps=100"])
        train_amae.main(["--systems", "updated", "--set=amae.training.steps=2"])
        train.main(["--name", "one", "--systems", *systems, "--set=train.steps=15"])
        average_embeddings.main(["--name", "one"])


@pytest.fixture(scope="session")
def model(experiment) -> Model:
    return Model(experiment / "resunet")


@pytest.fixture(scope="session")
def at_soft(experiment) -> Model:
    return Model(experiment / "at_soft")


@pytest.fixture
def write(tmp_path):
    """Writes tmp_path/<name>."""

    def write_file(name: str, waveform: np.ndarray, rate: int = RATE, **options) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, waveform, rate, **options)
        return path

    return write_file


@pytest.fixture
def uss(experiment, tmp_path, monkeypatch):
    """Runs `uss separate` in a folder of its own; returns the exit status."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments, system="resunet"):
        try:
            model = ["--model", str(experiment / system)]
            cli.main(["separate", *map(str, arguments), *model])
        except SystemExit as end:
            return end.code
        return 0

    return run
