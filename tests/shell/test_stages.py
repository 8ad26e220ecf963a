"""run.sh: the loop over the stages, and the recipes' copies of it."""

import os
import re
import signal
import subprocess
from pathlib import Path

from tests.helpers.bash import ROOT, environment, make_recipe, run
from tests.helpers.processes import is_running, wait_for


def test_every_recipe_has_the_same_run_sh():
    copies = sorted((ROOT / "egs").glob("*/run.sh"))
    assert len(copies) >= 3
    assert len({path.read_bytes() for path in copies}) == 1
    assert all(os.access(path, os.X_OK) for path in copies)
    assert len(copies[0].read_text().splitlines()) <= 90


def test_stages_run_in_order_and_say_so(tmp_path):
    stages = "".join(f"stage_{stage}() {{ echo {stage}; }}\n" for stage in range(8))
    result = run(make_recipe(tmp_path, stages), "--stage", "2", "--stop-stage", "4")
    assert result.returncode == 0
    assert result.stdout == "2\n3\n4\n"
    for stage, title in ((2, "anchors"), (3, "mixtures"), (4, "A-MAE")):
        assert f"=== stage {stage}: {title} ===\n=== stage {stage}: done in " in result.stderr


def test_says_how_long_the_stages_to_come_will_take(tmp_path):
    """As long as where the recipe was measured, with its systems and settings."""
    recipe = make_recipe(tmp_path, "stage_5() { :; }\nstage_6() { :; }\nstage_7() { :; }")
    (recipe / "conf" / "stage_seconds").write_text("9 9 9 9 9 1 50 90\n")
    options = ("--stage", "5")
    left = re.findall(r"done in \d+ s(.*) ===", run(recipe, *options).stderr)
    assert left == [", 3 min left on idle cores", ", 2 min left on idle cores", ""]
    for others in (("--set", "train.steps=7"), ("--systems", "resunet")):
        assert "min left" not in run(recipe, *options, *others).stderr


def test_the_first_failing_command_ends_the_run(tmp_path):
    stages = "stage_1() { echo before; false; echo after; }\nstage_2() { echo two; }"
    result = run(make_recipe(tmp_path, stages), "--stage", "1")
    assert result.returncode == 1
    assert result.stdout == "before\n"
    assert "stage 1 (resample) failed after" in result.stderr
    assert "--stage 1" in result.stderr.splitlines()[-1]


def test_a_failing_program_ends_the_run_with_its_status(tmp_path):
    recipe = make_recipe(tmp_path, "stage_1() { here bash -c 'exit 9'; echo after; }")
    result = run(recipe, "--stage=1")
    assert result.returncode == 9
    assert result.stdout == ""


def test_kill_ends_a_program_and_its_children(tmp_path):
    recipe = make_recipe(
        tmp_path, "stage_1() { here bash -c 'sleep 1000 & echo $! >child; wait'; }"
    )
    process = subprocess.Popen(
        [recipe / "run.sh", "--stage", "1"], env=environment(), stderr=subprocess.DEVNULL
    )
    child = int(wait_for(recipe / "child"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=60) == 128 + signal.SIGTERM
    assert not is_running(child)


def test_a_stage_without_its_input_fails(tmp_path):
    recipe = make_recipe(tmp_path)
    result = run(recipe, "--stage", "3")
    assert result.returncode not in (0, 2)
    assert "stage 3 (mixtures) failed" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(Path(recipe).glob("data/mixtures/*.csv"))
