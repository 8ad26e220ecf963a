"""What makes a part of stage 7 run again, and how many mixtures go through a network together."""

import zipfile
from types import SimpleNamespace

import pytest
import yaml

from uss.config import load
from uss.evaluation import measurement
from uss.evaluation.measurement import CPU_BATCH, Evaluation
from uss.evaluation.units import all_units
from uss.files import write_text
from uss.schema import Evaluate


def write_model(recipe, system: str, normalization: str = "joint", steps: int = 400) -> None:
    config = {
        "kind": "separator",
        "system": {"stft": {"window_size": 512}, "normalization": normalization, "of": system},
        "training": {"seed": 7, "steps": steps},
        "facts": {"sample_rate": 8000, "query_size": 8, "code": f"trained{steps}"},
    }
    directory = recipe.experiment / system
    write_text(directory / "config.yaml", yaml.safe_dump(config))
    checkpoint = directory / "checkpoints" / f"step_{steps:08d}.pt"
    checkpoint.parent.mkdir(exist_ok=True)
    with zipfile.ZipFile(checkpoint, "w") as file:
        file.writestr("weights", bytes(steps))


@pytest.fixture
def records(make_recipe):
    """(recipe, systems -> pseudo-system or system -> inputs and settings of its only part)."""
    recipe = make_recipe()
    for system in ("resunet_joint", "mae_frozen"):
        write_model(recipe, system)
    (recipe.experiment / "average_embeddings.h5").write_bytes(b"means")

    def of(*systems: str) -> dict:
        config = load("conf", "evaluate", Evaluate)
        evaluation = Evaluation("paper", list(systems), config, SimpleNamespace())
        evaluation.anchors["eval"] = SimpleNamespace(packed=SimpleNamespace(digest="a" * 64))
        steps = {unit.system: evaluation.step(unit) for unit in all_units(list(systems), config)}
        return {system: (step.inputs, step.settings) for system, step in steps.items()}

    return recipe, of


def test_pseudo_systems_stay_when_a_system_is_added_or_trained_on(records):
    recipe, of = records
    before = of("resunet_joint")
    after = of("mae_frozen", "resunet_joint")
    assert after == before | {"mae_frozen": after["mae_frozen"]}
    write_model(recipe, "resunet_joint", steps=800)
    trained_on = of("resunet_joint")
    changed = [system for system in before if trained_on[system] != before[system]]
    assert changed == ["resunet_joint"]


def test_pseudo_systems_are_measured_again_for_other_settings(records):
    recipe, of = records
    before = of("resunet_joint")
    write_model(recipe, "resunet_joint", normalization="none")
    assert not any(of("resunet_joint")[system] == found for system, found in before.items())
    recipe.configure(seed=1)  # of the initial weights, which the bound does not have
    assert of("resunet_joint")["untrained"] != before["untrained"]


@pytest.mark.parametrize(
    ("kind", "asked", "taken"), [("cpu", 32, CPU_BATCH), ("cpu", 2, 2), ("cuda", 32, 32)]
)
def test_the_device_decides_on_the_batch(records, monkeypatch, kind, asked, taken):
    monkeypatch.setattr(measurement, "device", lambda: SimpleNamespace(type=kind))
    config = Evaluate(batch_size=asked)
    assert Evaluation("paper", ["mae_frozen"], config, SimpleNamespace()).batch_size() == taken
