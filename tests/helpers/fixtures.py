"""Fixtures of more than one folder: recipes in a temporary folder that the test works in, and files
of published weights."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.planted_results import PlantedResults
from tests.helpers.training_recipe import write_recipe
from uss.training.train_log import TrainLog


@pytest.fixture(scope="session")
def published_weights(make_once) -> Path:
    """A folder with panns.pth, which serves as either of the two, and audio_mae.pth. Not to be
    changed."""
    from tests.helpers.published_files import save_audio_mae, save_panns
    from tests.helpers.reference_weights import published_state

    def make(folder: Path) -> None:
        save_panns(folder / "panns.pth", published_state("Cnn14"))
        save_audio_mae(folder / "audio_mae.pth", published_state("AudioMAE"))

    return make_once("published_weights", make)


@pytest.fixture(scope="session")
def written_recipe(tmp_path_factory) -> Path:
    """A folder after stage 3. Not to be changed."""
    recipe = tmp_path_factory.mktemp("recipe")
    write_recipe(recipe)
    return recipe


@pytest.fixture(scope="session")
def written_amae(written_recipe, tmp_path_factory) -> Path:
    """The folder after stage 4. Not to be changed."""
    from uss.bin import features, train_amae

    recipe = tmp_path_factory.mktemp("amae") / "recipe"
    shutil.copytree(written_recipe, recipe)
    systems = ["--systems", "frozen", "updated"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(recipe)
        patch.setattr(TrainLog, "plot", lambda self: None)
        train_amae.main([*systems, "--set=amae.training.steps=2"])
        features.main(systems)
    return recipe


@pytest.fixture
def no_plot(request, monkeypatch) -> None:
    """Drawing takes longer than most of these trainings."""
    if "curve" not in request.node.name:
        monkeypatch.setattr(TrainLog, "plot", lambda self: None)


def enter_copy(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(source, target)
    monkeypatch.chdir(target)
    return target


@pytest.fixture
def recipe(written_recipe, tmp_path, monkeypatch, no_plot) -> Path:
    """A copy of the folder after stage 3, and the working directory of the test."""
    return enter_copy(written_recipe, tmp_path / "recipe", monkeypatch)


@pytest.fixture
def amae(written_amae, tmp_path, monkeypatch, no_plot) -> Path:
    """A copy of the folder after stage 4, and the working directory of the test."""
    return enter_copy(written_amae, tmp_path / "recipe", monkeypatch)


@pytest.fixture
def make_recipe(tmp_path, monkeypatch) -> Callable[..., PlantedResults]:
    """PlantedResults(...) in a temporary folder, which becomes the working directory."""
    monkeypatch.chdir(tmp_path)
    return lambda **options: PlantedResults(tmp_path, **options)
