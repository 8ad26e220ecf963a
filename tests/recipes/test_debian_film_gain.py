"""experiments/film_gain: a pair's options, curves of kept logs, gains by class of kept runs."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from egs.debian_sounds.experiments.film_gain import by_class, learning_curves
from tests.helpers.debian_recipe import RECIPE
from uss.evaluation.kept_run import Measured, write_results
from uss.evaluation.results import SystemResults
from uss.labels import read_classes
from uss.schema import Evaluate
from uss.tables import ClassRow, Event, Result, write_table

SCRIPT = Path("experiments/film_gain/pair.sh")


def test_a_pair_differs_from_another_in_the_seed_alone(tmp_path):
    """run.sh and python are stand-ins that write down their arguments."""
    recipe = tmp_path / "egs" / "sounds"
    script = recipe / SCRIPT
    script.parent.mkdir(parents=True)
    shutil.copy(RECIPE / SCRIPT, script)
    run = recipe / "run.sh"
    run.write_text(
        '#!/bin/sh\nprintf "%s\\n" "$@" > "log$2"\nmkdir -p "exp/$2/mae_film/results_dev"\n'
    )
    run.chmod(0o755)
    (tmp_path / "path.sh").write_text(f'python() {{ echo "$@" > {tmp_path}/kept; }}\n')
    for seed in ("0", "1"):
        subprocess.run([script, seed, "--stage", "5"], check=True)
    first, second = ((recipe / f"logpair{seed}").read_text().splitlines() for seed in (0, 1))
    differing = {(a, b) for a, b in zip(first, second, strict=True) if a != b}
    assert differing == {("pair0", "pair1"), ("train.seed=0", "train.seed=1")}
    assert {"evaluate.split=dev", "data.unlabelled=large"} <= set(first)
    kept = f"-m uss.bin.keep_results --name pair1 --folder {script.parent}/runs/pair1\n"
    assert (tmp_path / "kept").read_text() == kept
    refused = subprocess.run([script, "--stage", "5"], capture_output=True, text=True, check=False)
    assert refused.returncode == 2 and "usage: pair.sh SEED" in refused.stderr


@pytest.fixture
def kept(tmp_path, monkeypatch) -> list[Path]:
    """Two runs of two classes, a recording each, of which the first class gains 1 and 2 dB."""
    monkeypatch.chdir(tmp_path)
    runs = []
    for number in range(2):
        run = Path(f"run{number}")
        (run / "train").mkdir(parents=True)
        systems = []
        for system, gain in (("resunet_joint", 0.0), ("mae_film", 1.0 + number)):
            rows = [
                Result(system, embedding, f"{i}", class_id, group, value, value, value)
                for embedding in ("average", "oracle")
                for i, (class_id, group, value) in enumerate(
                    [("/m/0", "a", 3.0 + gain), ("/m/1", "b", 4.0)]
                )
            ]
            facts = {"list_digest": "one", "num_classes": 2}
            systems.append(Measured(SystemResults(system, sorted(rows), facts), {}))
            log = [
                {"step": 10, "loss": 1.0},
                {"step": 20, "loss": 0.5, "dev_sdri": 3.0 + gain, "dev_si_sdr": gain},
            ]
            (run / "train" / f"{system}.jsonl").write_text("\n".join(map(json.dumps, log)) + "\n")
        write_results(run, {"results": systems}, None, None)
        classes = [ClassRow(0, "/m/0", "Bell"), ClassRow(1, "/m/1", "Dog")]
        write_table(run / "classes.csv", classes, ClassRow)
        runs.append(run)
    events = [
        Event("0", "c0", "/m/0", 0.0, 1.0, "x"),
        Event("1", "c0", "/m/0", 2.0, 1.0, "y"),
        Event("2", "c0", "/m/1", 4.0, 1.0, "z"),
    ]
    write_table(Path("data/train/events.csv"), events, Event)
    return runs


def test_the_gain_of_a_class_stands_beside_its_groups_in_training(kept):
    config = Evaluate(summary="mean", reference="resunet_joint")
    classes = read_classes(kept[0] / "classes.csv")
    bell, dog = by_class.class_gains(kept, "mae_film", config, by_class.training_groups(), classes)
    assert (bell.name, bell.num_groups, dog.num_groups) == ("Bell", 2, 1)
    assert bell.gains["si_sdr"].tolist() == [1.0, 2.0] and dog.gains["sdri"].tolist() == [0.0, 0.0]
    assert by_class.table([dog, bell]).rows[0] == ["Bell", "2", "1", "1.50 ± 0.71", "1.50 ± 0.71"]
    by_class.draw([bell, dog], Path("gains.png"))
    assert Path("gains.png").stat().st_size > 1000


def test_a_run_without_the_system_is_refused(kept):
    with pytest.raises(ValueError, match="run0 has no results of resunet_joint and mae_updated"):
        config = Evaluate(summary="mean", reference="resunet_joint")
        by_class.class_gains(kept, "mae_updated", config, {}, read_classes(kept[0] / "classes.csv"))


def test_learning_curves_are_those_of_the_logs(kept):
    steps, values = learning_curves.curves(kept, "mae_film")
    assert steps.tolist() == [20]
    assert values["dev_sdri"].tolist() == [[4.0], [5.0]]
    systems = ["resunet_joint", "mae_film"]
    argv = ["--runs", *map(str, kept), "--systems", *systems, "--output", "curves.png"]
    learning_curves.main(argv)
    assert Path("curves.png").stat().st_size > 1000
    (kept[1] / "train" / "mae_film.jsonl").write_text('{"step": 10, "loss": 1.0}\n')
    with pytest.raises(ValueError, match=r"train\.dev_steps"):
        learning_curves.curves(kept, "mae_film")
