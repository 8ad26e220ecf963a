"""Small results of two folds are kept, and become one report without data or checkpoints."""

import shutil
import zipfile
from pathlib import Path

import pytest
import yaml

from uss.bin import keep_results, pool_results
from uss.bin.pool_results import refuse_other_settings
from uss.files import read_json, write_json, write_text
from uss.model_store.model_config import config_digest
from uss.tables import Result, read_table

SYSTEMS = ["resunet_joint", "mae_frozen"]


def make_run(recipe, fold: int, systems: list[str]) -> Path:
    """A fold with recordings of its own, trained with its number as seed; kept in runs/."""
    mixtures = [(name, class_id, f"{group}{fold}") for name, class_id, group in recipe.mixtures]
    recipe.write_list("eval", [(f"{fold}{name}", *rest) for name, *rest in mixtures])
    shutil.rmtree(recipe.experiment, ignore_errors=True)
    for system in [*systems, "untrained", "ideal_ratio_mask"]:
        recipe.write_training(recipe.experiment / system)
        made_with = write_config(recipe.experiment / system / "config.yaml", seed=fold)
        recipe.write_results(system, mixtures=mixtures, seed=fold, config_digest=made_with)
    for system in systems:
        checkpoint = recipe.experiment / system / "checkpoints" / "step_00000400.pt"
        checkpoint.parent.mkdir()
        with zipfile.ZipFile(checkpoint, "w") as file:
            file.writestr("weights", bytes(100))
    (recipe.experiment / "figure3.png").write_bytes(b"an image")
    write_json(
        Path("data/amae_probe.json"),
        {"accuracy": {"A-MAE": 0.38, "untrained A-MAE": 0.31}, "num_classes": 4},
    )
    write_json(
        Path("data/anchors.json"),
        {"eval": {"num_anchors": 40, "hit_rate": 0.85, "random_hit_rate": 0.31, "classes": {}}},
    )
    folder = Path(f"runs/fold{fold}")
    keep_results.main(["--name", "paper", "--folder", str(folder)])
    return folder


def write_config(path: Path, seed: int, learning_rate: float = 1e-3) -> str:
    """Returns its digest."""
    training = {"seed": seed, "steps": 400, "learning_rate": learning_rate}
    config = {"kind": "separator", "system": {"query": "at_soft"}, "training": training}
    write_text(path, yaml.safe_dump(config))
    return config_digest(config)


def make_seeds(recipe, num: int) -> list[str]:
    """Trainings on one list."""
    first = make_run(recipe, 0, SYSTEMS)
    return [str(shutil.copytree(first, f"runs/seed{number}")) for number in range(num)]


@pytest.fixture
def runs(make_recipe) -> list[str]:
    recipe = make_recipe()
    folders = [make_run(recipe, 0, [*SYSTEMS, "resunet"]), make_run(recipe, 1, SYSTEMS)]
    shutil.rmtree("data")
    shutil.rmtree("exp")
    return list(map(str, folders))


def test_runs_of_one_name_are_refused(runs, tmp_path):
    first = Path(runs[0])
    for other in (first, shutil.copytree(first, tmp_path / "elsewhere" / first.name)):
        with pytest.raises(ValueError, match="have the same name: name each run once"):
            pool_results.main(["--runs", str(first), str(other), "--folder", "."])


def test_two_folds_become_one_report(runs):
    pool_results.main(["--runs", *runs, "--folder", "."])
    results = read_json(Path("results.json"))
    assert results["comparison"]["num_recordings"] == 6  # 3 a fold
    assert [row["system"] for row in results["comparison"]["rows"]] == [
        *SYSTEMS,
        "ideal_ratio_mask",
    ]
    gains = results["comparison"]["rows"][1]["gains"]
    assert gains["sdri"]["resunet_joint"]["value"] == pytest.approx(0.5)
    text = Path("RESULTS.md").read_text()
    trainings = text.split("## Each training")[1].split("##")[0]
    assert "| fold0 |" in trainings and "| fold1 |" in trainings
    assert "## All systems of fold0, one training each" in text and "| resunet |" in text
    assert "All systems of fold1" not in text
    assert "Written by `uss.bin.pool_results` from fold0, fold1; do not edit." in text
    assert (
        "38 %" in text and "31 %" in text and "| loss 0.625, SDRi 4.25 dB, SI-SDR 2.50 dB |" in text
    )
    assert "python -m uss.bin.pool_results --runs runs/fold0 runs/fold1 --folder ." in text
    assert "](runs/fold0/figure3.png)" in text and Path("runs/fold0/figure3.png").exists()
    assert "Gains of all systems" not in text  # of two the first table says it
    assert Path("figure2.pdf").exists() and Path("figure2.png").exists()


def test_the_spread_over_trainings_stands_beside_them(make_recipe, monkeypatch):
    """Gains of 0.5 and 0.8 dB: deviation 0.3 / sqrt(2); with one degree of freedom the quantile is
    12.706, the margin 12.706 x 0.15."""
    recipe = make_recipe()
    folders = [make_run(recipe, 0, SYSTEMS)]
    pool_results.main(["--runs", str(folders[0]), "--folder", "."])
    assert "standard deviation" not in Path("RESULTS.md").read_text()
    plain = recipe.rows

    def better(system, mixtures):
        gain = 0.3 * (system == "mae_frozen")
        return [row._replace(sdri=row.sdri + gain) for row in plain(system, mixtures)]

    monkeypatch.setattr(recipe, "rows", better)
    folders.append(make_run(recipe, 1, SYSTEMS))
    pool_results.main(["--runs", *map(str, folders), "--folder", "."])
    text = Path("RESULTS.md").read_text()
    assert "| mae_frozen, SDRi | 2 | 0.65 | 0.21 | -1.26 … 2.56 |" in text
    assert "| mae_frozen, SI-SDR | 2 | 1.00 | 0.00 | 1.00 … 1.00 |" in text
    (found,) = read_json(Path("results.json"))["spreads"]["sdri"].values()
    assert found["deviation"] == pytest.approx(0.3 / 2**0.5)


def test_trainings_on_one_list_have_an_interval_over_both(make_recipe):
    Path("local").mkdir()
    Path("local/results_notes.md").write_text("It is small.\n")
    Path("verdict.md").write_text("**Verdict**: it depends.\n")
    seeds = make_seeds(make_recipe(), 4)
    pool_results.main(["--runs", *seeds, "--folder", "."])
    text = Path("RESULTS.md").read_text()
    assert text.splitlines()[2:5] == ["**Verdict**: it depends.", "", "It is small."]
    assert "| 95 % interval | over trainings and recordings |" in text
    assert "| mae_frozen, SDRi | 4 | 0.50 | 0.00 | 0.50 … 0.50 | 0.50 (0.50 … 0.50) |" in text
    kept = read_json(Path("results.json"))["over_trainings"]
    assert kept["sdri"]["mae_frozen"]["value"] == pytest.approx(0.5)


def test_of_the_development_list_the_spread_is_told_too(make_recipe):
    seeds = make_seeds(make_recipe(), 4)
    for seed in map(Path, seeds):
        shutil.copy(seed / "results.csv", seed / "results_dev.csv")
        provenance = read_json(seed / "provenance.json")
        provenance["lists"]["results_dev"] = provenance["lists"]["results"]
        write_json(seed / "provenance.json", provenance)
    pool_results.main(["--runs", *seeds, "--folder", "dev", "--set", "evaluate.split=dev"])
    assert [path.name for path in Path("dev").iterdir()] == ["table1_dev.md"]
    text = Path("dev/table1_dev.md").read_text()
    assert "| mae_frozen, SDRi | 4 | 0.50 | 0.00 | 0.50 … 0.50 | 0.50 (0.50 … 0.50) |" in text
    assert "| seed0 |" in text


def test_hit_rates_of_anchors_are_kept_and_shown_where_a_run_has_them(runs):
    pool_results.main(["--runs", *runs, "--folder", "."])
    text = Path("RESULTS.md").read_text()
    assert "| fold0, eval | 40 | 85 % | 31 % |\n| fold1, eval | 40 | 85 % | 31 % |" in text
    kept = read_json(Path("results.json"))["runs"][0]["anchors"]
    assert kept["eval"]["hit_rate"] == 0.85
    for run in runs:  # as runs were kept before
        provenance = read_json(Path(run) / "provenance.json")
        del provenance["anchors"]
        write_json(Path(run) / "provenance.json", provenance)
    pool_results.main(["--runs", *runs, "--folder", "."])
    assert "## Anchors" not in Path("RESULTS.md").read_text()


def test_the_command_has_the_overrides_it_was_made_with(runs):
    pool_results.main(["--runs", *runs, "--folder", ".", "--set", "evaluate.num_draws=50"])
    assert "--folder . --set evaluate.num_draws=50\n" in Path("RESULTS.md").read_text()


def test_of_three_systems_every_pair_is_compared(make_recipe):
    recipe = make_recipe()
    folder = make_run(recipe, 0, [*SYSTEMS, "resunet"])
    pool_results.main(["--runs", str(folder), "--folder", "."])
    gains = Path("RESULTS.md").read_text().split("## Gains of all systems over one another")[1]
    assert "| mae_frozen | 0.80 (" in gains


def test_a_run_with_other_settings_is_refused(runs):
    write_config(Path("runs/fold1/configs/mae_frozen.yaml"), seed=1, learning_rate=2e-3)
    with pytest.raises(ValueError, match=r"mae_frozen.*learning_rate \(0.001 -> 0.002\)"):
        pool_results.main(["--runs", *runs, "--folder", "."])


def test_a_run_from_before_a_key_has_its_default(runs):
    path = Path("runs/fold1/configs/mae_frozen.yaml")
    config = yaml.safe_load(path.read_text())
    config["training"]["loss"] = "l1"
    write_text(path, yaml.safe_dump(config))
    refuse_other_settings(list(map(Path, runs)), ["mae_frozen"])
    config["training"]["loss"] = "sdr"
    write_text(path, yaml.safe_dump(config))
    with pytest.raises(ValueError, match=r"mae_frozen of .*fold1.*training.loss \(l1 -> sdr\)"):
        refuse_other_settings(list(map(Path, runs)), ["mae_frozen"])


def test_an_edited_result_is_refused(runs):
    path = Path("runs/fold1/results.csv")
    path.write_text(path.read_text().replace("mae_frozen,average,-m_0_0", "mae_frozen,average,-m"))
    with pytest.raises(ValueError, match="was edited"):
        pool_results.main(["--runs", *runs, "--folder", "."])


def test_a_folder_that_is_no_kept_run_is_refused(runs):
    Path("runs/fold1/provenance.json").unlink()
    with pytest.raises(ValueError, match="runs/fold1 is no kept run; uss.bin.keep_results"):
        pool_results.main(["--runs", *runs, "--folder", "."])


def test_a_run_says_what_its_rows_were_made_from(runs):
    provenance = read_json(Path("runs/fold0/provenance.json"))
    systems = provenance["lists"]["results"]["systems"]
    assert sorted(systems) == ["ideal_ratio_mask", "mae_frozen", "resunet", "resunet_joint"]
    assert systems["resunet"]["facts"]["commit"] == "abc1234"
    assert systems["resunet"]["inputs"] == {"mixtures": "d" * 64}
    assert len({row.system for row in read_table(Path("runs/fold0/results.csv"), Result)}) == 4


def test_results_from_before_more_training_are_not_kept(make_recipe):
    recipe = make_recipe()
    make_run(recipe, 0, SYSTEMS)
    write_config(recipe.experiment / "mae_frozen" / "config.yaml", seed=0, learning_rate=2e-3)
    with pytest.raises(ValueError, match="mae_frozen/results is of another training than"):
        keep_results.main(["--name", "paper", "--folder", "runs/again"])


def test_what_is_not_trained_to_its_end_is_not_kept(make_recipe):
    recipe = make_recipe()
    make_run(recipe, 0, SYSTEMS)
    config = yaml.safe_load((recipe.experiment / "mae_frozen" / "config.yaml").read_text())
    config["training"]["steps"] = 500
    write_text(recipe.experiment / "mae_frozen" / "config.yaml", yaml.safe_dump(config))
    with pytest.raises(ValueError, match="mae_frozen has done 400 of 500"):
        keep_results.main(["--name", "paper", "--folder", "runs/again"])
    with pytest.raises(ValueError, match="other has no results"):
        keep_results.main(["--name", "other", "--folder", "runs/again"])
