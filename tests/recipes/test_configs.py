"""Every recipe of egs/ keeps to the rules of all; the shipped ones have values of their own."""

import pytest

from tests.helpers.planted_results import PlantedResults
from tests.helpers.recipe_rules import SHIPPED, keeps_the_rules, recipes
from tests.helpers.recipe_runs import ROOT, copy_recipe
from uss.bin import report

EGS = ROOT / "egs"


def test_the_shipped_recipes_are_there():
    assert {path.name for path in recipes(EGS)} >= set(SHIPPED)
    assert len((EGS / "mini" / "run.sh").read_text().splitlines()) <= 90


@pytest.mark.parametrize("recipe", recipes(EGS), ids=lambda path: path.name)
def test_every_recipe_keeps_the_rules(recipe):
    keeps_the_rules(recipe)


@pytest.mark.parametrize("name", ["mini", "debian_sounds"])
def test_a_short_training_warms_up_briefly(name):
    training = keeps_the_rules(EGS / name)["train"]
    assert training.warmup_steps <= 0.05 * training.steps
    assert training.batch_norm_momentum == 0.1


@pytest.fixture
def mine(tmp_path):
    """A copy of egs/mini, as README says, with two systems under names of its own."""
    recipe = copy_recipe("mini", tmp_path).rename(tmp_path / "egs" / "mine")
    systems = recipe / "conf" / "systems"
    contents = {
        "baseline": (systems / "resunet_joint.yaml").read_text(),
        "ours": (systems / "mae_aligned.yaml").read_text(),
    }
    for path in systems.iterdir():
        path.unlink()
    for name, content in contents.items():
        (systems / f"{name}.yaml").write_text(content)
    return recipe


def test_systems_of_another_name_keep_the_rules_and_are_reported(mine, monkeypatch):
    with pytest.raises(ValueError, match="evaluate.yaml: reference names 'resunet_joint'; "):
        keeps_the_rules(mine)
    monkeypatch.chdir(mine)
    planted = PlantedResults(mine)
    names = ["baseline", "ours"]
    planted.configure(reference="baseline", system_order=names, figure2_systems=[*names])
    assert recipes(mine.parent) == [mine]
    assert {"systems/baseline", "systems/ours"} <= keeps_the_rules(mine).keys()

    planted.write_all(names)
    report.main(["--name", "paper", "--systems", *names])
    table = (planted.experiment / "table1.md").read_text().splitlines()
    first, column = next(
        (number, row.split(" | ").index("SDRi: gain over baseline"))
        for number, row in enumerate(table)
        if "SDRi: gain over baseline" in row
    )
    rows = [row.split(" | ") for row in table[first:] if row.startswith("| ")]
    cells = {row[0].split()[1]: row[column] for row in reversed(rows)}  # of the first table
    assert cells["baseline"] == "–" and cells["ours"].startswith("0.70 (")
    figure2 = (planted.experiment / "figure2.csv").read_text().splitlines()
    assert figure2[0].endswith(",baseline,baseline_si_sdr,ours,ours_si_sdr")
    assert len(figure2) == len(planted.classes)  # a header, and one class has no data
    assert (planted.experiment / "figure2.png").exists()


def test_another_run_sh_breaks_the_rules(mine):
    with open(mine / "run.sh", "a") as script:
        script.write("echo more\n")
    with pytest.raises(AssertionError, match="another run.sh"):
        keeps_the_rules(mine)
