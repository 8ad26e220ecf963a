"""The mini recipe, reduced, through the real run.sh."""

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import soundfile
import torch

from tests.helpers.recipe_runs import REDUCED, SYSTEMS, command, copy_recipe, run
from uss.evaluation.metrics import sdri
from uss.tables import Result, read_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def single(undisturbed) -> Path:
    return undisturbed


def test_writes_what_stage_7_promises(single):
    results = single / "exp" / "default"
    for name in (
        "results.csv",
        "results_sed.csv",
        "results.json",
        "table1.md",
        "figure2.csv",
        "figure2.pdf",
        "figure2.png",
        "figure3.pdf",
        "figure3.png",
        "index.html",
        "RESULTS.md",
    ):
        assert (results / name).stat().st_size > 0, name
    with open(results / "results.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert {(row["system"], row["embedding"]) for row in rows} == {
        ("resunet_joint", "oracle"),
        ("resunet_joint", "average"),
        ("mae_aligned", "oracle"),
        ("mae_aligned", "average"),
        ("untrained", "oracle"),
        ("untrained", "average"),
        ("ideal_ratio_mask", "oracle"),
    }
    bound = [float(row["sdri"]) for row in rows if row["system"] == "ideal_ratio_mask"]
    assert len(bound) == 12 * 3 and sum(bound) / len(bound) > 10
    for model in ("resunet_joint", "mae_aligned"):
        assert (results / model / "loss.png").stat().st_size > 0


def read_wav(path: Path) -> torch.Tensor:
    return torch.from_numpy(soundfile.read(path, dtype="float32")[0])


def test_examples_are_those_of_the_scores_and_sound_like_them(single):
    """Best, median and worst of each system; their files have the SDRi that the table states."""
    results = single / "exp" / "default"
    rows = read_table(results / "results.csv", Result)
    examples = json.loads((results / "examples" / "examples.json").read_text())
    for system in ("resunet_joint", "mae_aligned"):
        values = {r.mixture_id: r.sdri for r in rows if r[:2] == (system, "average")}
        ranked = sorted(values, key=values.get)
        for kind, rank in (("worst", 0), ("median", (len(ranked) - 1) // 2), ("best", -1)):
            (mixture_id,) = (m for m, kinds in examples.items() if f"{kind} of {system}" in kinds)
            assert values[mixture_id] == values[ranked[rank]]
    heard = [row for row in rows if row.mixture_id in examples]
    assert len(heard) == len(examples) * 7  # two embeddings of three networks, one bound
    for row in heard:
        if row.embedding == ("oracle" if row.system == "ideal_ratio_mask" else "average"):
            folder = results / "examples" / row.mixture_id
            mixture, target, estimate = (
                read_wav(folder / f"{name}.wav") for name in ("mixture", "target", row.system)
            )
            assert sdri(target, estimate, mixture).item() == pytest.approx(row.sdri, abs=1e-3)
            assert (folder / f"{row.system}.png").stat().st_size > 0


def test_museval_agrees(single):
    text = (single / "exp" / "default" / "RESULTS.md").read_text()
    found = re.search(r"measured (\d+) of these .* differ by at most (\S+) dB", text)
    assert int(found[1]) == 10 * 7 and float(found[2]) < 1e-3


def test_the_cost_is_stated_before_training_and_after_it(single):
    macs = ["python", "-P", "-m", "uss.bin.macs", "--systems", "resunet_joint", "mae_aligned"]
    settings = command()[1:]
    done = subprocess.run(
        [*macs, *settings], cwd=single, capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 4
    assert done.stdout in (single / "exp" / "default" / "RESULTS.md").read_text()


def test_scores_the_anchors(single):
    scores = json.loads((single / "data" / "anchors.json").read_text())
    assert scores.keys() == {"train", "dev", "eval"}
    for score in scores.values():
        assert 0 <= score["random_hit_rate"] < 1 and score["num_anchors"] > 0


@pytest.mark.parametrize("system", ["resunet_joint", "mae_aligned"])
def test_eval_mode_agrees_with_training(single, system):
    """The BatchNorms' running statistics have settled (docs/method.md, section 6)."""
    lines = (single / "exp" / "default" / system / "train.jsonl").read_text().splitlines()
    log = [json.loads(line) for line in lines]
    trained = sum(line["loss"] for line in log[-4:]) / 4
    assert log[-1]["eval_mode_loss"] == pytest.approx(trained, rel=0.25)


def test_running_twice_does_nothing_and_says_why(single):
    before = _states(single)
    done = run(single, "--nj", "2", *SYSTEMS)
    assert _states(single) == before
    logs = done.stderr + "".join(path.read_text() for path in single.glob("**/log/*.log"))
    assert " INFO files: skip data/eval/waveforms/part_0000.h5: unchanged since" in logs
    assert "skip exp/default/resunet_joint: all 40 steps are done" in logs


def _states(recipe: Path) -> dict[str, tuple[int, int]]:
    """Size and modification time of all files but the logs."""
    return {
        str(path): (path.stat().st_size, path.stat().st_mtime_ns)
        for folder in ("data", "exp")
        for path in sorted((recipe / folder).rglob("*"))
        if path.is_file() and path.suffix != ".log"
    }


def test_stages_apart_and_other_shards_give_the_same_results(single, tmp_path):
    recipe = copy_recipe("mini", tmp_path)
    run(recipe, "--stage", "0", "--stop-stage", "3", "--nj", "3", *SYSTEMS)
    assert not (recipe / "exp").exists()
    run(recipe, "--stage=4", "--nj=3", *SYSTEMS)
    for name in ("results.csv", "results_sed.csv"):
        mine, theirs = (path / "exp" / "default" / name for path in (recipe, single))
        assert mine.read_bytes() == theirs.read_bytes()


def test_changed_training_asks_for_another_name(single):
    overrides = ["train.batch_size=2"]
    done = run(single, "--stage", "5", *SYSTEMS, overrides=overrides, check=False)
    assert done.returncode == 1
    assert "training.batch_size (4 -> 2)" in done.stderr and "another --name" in done.stderr


def test_a_missing_input_names_its_stage(tmp_path):
    recipe = copy_recipe("mini", tmp_path)
    for stage, writer in (("1", "stage 0"), ("3", "stage 0")):
        done = run(recipe, "--stage", stage, "--stop-stage", stage, check=False)
        assert done.returncode != 0 and writer in done.stderr, done.stderr


def test_a_copied_recipe_runs(tmp_path):
    """As README says: cp -r egs/mini egs/mine, one YAML and local/ changed."""
    copy_recipe("mini", tmp_path)
    shutil.copytree(tmp_path / "egs" / "mini", tmp_path / "egs" / "mine")
    mine = tmp_path / "egs" / "mine"
    local = mine / "local" / "make_clips.py"
    text = local.read_text()
    assert "data/raw" in text or '"raw"' in text
    local.write_text(text.replace('"raw"', '"recordings"').replace("data/raw", "data/recordings"))
    system = mine / "conf" / "systems" / "resunet_joint.yaml"
    thin = mine / "conf" / "systems" / "thin.yaml"
    thin.write_text(system.read_text().replace("[8, 16, 32, 64, 96, 96]", "[4, 8, 8, 8, 8, 8]"))
    assert thin.read_text() != system.read_text()
    short = ["train.steps=4", "train.decay_steps=0", "train.fixed_statistics_steps=0"]
    run(mine, "--nj", "1", "--systems", "thin", "--name", "first", overrides=[*REDUCED, *short])
    assert (mine / "data" / "recordings").is_dir()
    assert "thin" in (mine / "exp" / "first" / "table1.md").read_text()
