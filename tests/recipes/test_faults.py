"""What breaks on a cluster, done to the reduced mini recipe: what the user sees, and that nothing
is lost. docs/faults.md lists it."""

import hashlib
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import torch

from tests.helpers.flipped_weight import flip_a_weight
from tests.helpers.recipe_runs import REDUCED, SYSTEMS, run
from tests.helpers.small_disk import mounted
from uss.model_store import checkpoint
from uss.tables import Clip, read_table

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def recipe(undisturbed, tmp_path_factory) -> Path:
    """A copy; every test leaves it as it was."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "tools").symlink_to((undisturbed.parents[1] / "tools").resolve())
    return Path(shutil.copytree(undisturbed, folder / "egs" / "mini"))


def stage(recipe: Path, number: int, *options: str, overrides: list[str] = REDUCED):
    """run.sh for one stage; its status, and all that it and its tasks said."""
    logs = list(recipe.glob("**/log/*.log"))
    before = {path: path.stat().st_size for path in logs}
    one = ("--stage", str(number), "--stop-stage", str(number), "--nj", "1")
    done = run(recipe, *one, *options, overrides=overrides, check=False)
    said = done.stderr
    for path in recipe.glob("**/log/*.log"):
        said += path.read_text()[before.get(path, 0) :]
    return done.returncode, said


def digests(folder: Path, pattern: str) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.glob(pattern)
    }


def redone(said: str) -> set[str]:
    """The outputs that were made again."""
    return set(re.findall(r" INFO files: run (\S+):", said))


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:10000])


@pytest.mark.parametrize("damage", [cut, flip_a_weight])
def test_the_newest_checkpoint_truncated_or_with_a_flipped_bit(recipe, damage):
    overrides = [
        *REDUCED,
        "train.steps=4",
        "train.decay_steps=0",
        "train.fixed_statistics_steps=0",
        "train.save_minutes=0",
    ]
    options = ("--name", damage.__name__, "--systems", "resunet_joint")
    assert stage(recipe, 5, *options, overrides=overrides)[0] == 0
    directory = recipe / "exp" / damage.__name__ / "resunet_joint"
    before = checkpoint.load_newest(directory)
    newest = directory / "checkpoints" / "step_00000004.pt"
    damage(newest)
    for number in (6, 7):
        status, said = stage(recipe, number, *options, overrides=overrides)
        assert status == 1 and "Traceback" not in said
        assert "step_00000004.pt is damaged (" in said and "; stage 5 trains it: ./run.sh" in said
    status, said = stage(recipe, 5, *options, overrides=overrides)
    assert status == 0
    assert "3 of 4 steps are done" in said and "step_00000004.pt does not open" in said
    assert "goes on from step 3" in said
    after = checkpoint.load_newest(directory)
    assert after["step"] == 4
    for key, tensor in before["model"].items():
        assert torch.equal(tensor, after["model"][key]), key


def test_a_packed_part_cut_in_the_middle(recipe):
    before = digests(recipe, "data/*/waveforms/*.h5")
    part = recipe / "data" / "train" / "waveforms" / "part_0001.h5"
    part.write_bytes(part.read_bytes()[: part.stat().st_size // 2])
    status, said = stage(recipe, 1)
    assert status == 0
    assert "part_0001.h5: the file is not the one that was written" in said
    assert redone(said) == {"data/train/waveforms/part_0001.h5"}
    assert digests(recipe, "data/*/waveforms/*.h5") == before


def test_a_line_missing_in_a_list(recipe):
    table = recipe / "data" / "mixtures" / "train.csv"
    whole = table.read_bytes()
    table.write_bytes(b"".join(whole.splitlines(keepends=True)[:-1]))
    weights = digests(recipe, "exp/default/*/checkpoints/*")
    status, said = stage(recipe, 5, *SYSTEMS)
    assert status == 1
    assert "was trained with other settings or inputs: inputs.mixtures" in said or (
        "changed input: mixtures; stage 4 writes it" in said
    )
    assert digests(recipe, "exp/default/*/checkpoints/*") == weights
    status, said = stage(recipe, 3)
    assert status == 0
    assert "run data/mixtures/train.csv: the file is not the one that was written" in said
    assert table.read_bytes() == whole
    assert "all 40 steps are done" in stage(recipe, 5, *SYSTEMS)[1]


def test_a_line_edited_in_a_table(recipe):
    table = recipe / "data" / "train" / "clips.csv"
    whole = table.read_text()
    lines = whole.splitlines(keepends=True)
    table.write_text("".join([*lines[:3], lines[3].replace(",0,10,", ",0,ten,"), *lines[4:]]))
    assert table.read_text() != whole
    status, said = stage(recipe, 1)
    assert status == 1
    assert "data/train/clips.csv, line 4" in said or "data/train/clips.csv: line 4" in said
    table.write_text(whole)
    status, said = stage(recipe, 1)
    assert (status, redone(said)) == (0, set())


def test_a_clip_that_changes_between_stages(recipe):
    before = digests(recipe, "data/*/waveforms/*.h5")
    clip = recipe / read_table(recipe / "data" / "train" / "clips.csv", Clip)[0].path
    whole = clip.read_bytes()
    clip.write_bytes(whole[:-2000] + bytes(2000))
    status, said = stage(recipe, 1)
    assert status == 0
    assert "run data/train/waveforms/part_0000.h5: changed input: audio" in said
    assert redone(said) == {"data/train/waveforms/part_0000.h5"}
    changed = digests(recipe, "data/*/waveforms/*.h5")
    assert [path for path in before if before[path] != changed[path]] == [
        str(recipe / "data" / "train" / "waveforms" / "part_0000.h5")
    ]
    clip.write_bytes(whole)
    assert stage(recipe, 1)[0] == 0
    assert digests(recipe, "data/*/waveforms/*.h5") == before


def test_a_full_disk_in_stage_1(recipe):
    waveforms = recipe / "data" / "dev" / "waveforms"
    before = digests(recipe, "data/*/waveforms/*.h5")
    shutil.rmtree(waveforms)
    with mounted(waveforms, "-t", "tmpfs", "-o", "size=1m", "none"):
        status, said = stage(recipe, 1)
        assert status == 1
        assert "No space left on device: 'data/dev/waveforms/part_0000.h5'; make room" in said
        assert "Traceback" not in said
        assert list(waveforms.iterdir()) == []
    status, said = stage(recipe, 1)
    assert (status, redone(said)) == (0, {"data/dev/waveforms/part_0000.h5"})
    assert digests(recipe, "data/*/waveforms/*.h5") == before


def test_a_full_disk_in_training(recipe):
    directory = recipe / "exp" / "full" / "resunet_joint"
    overrides = [*REDUCED, "train.steps=2", "train.decay_steps=0", "train.fixed_statistics_steps=0"]
    options = ("--name", "full", "--systems", "resunet_joint")
    with mounted(directory / "checkpoints", "-t", "tmpfs", "-o", "size=100k", "none"):
        status, said = stage(recipe, 5, *options, overrides=overrides)
        assert status == 1
        path = "exp/full/resunet_joint/checkpoints/step_00000002.pt"
        assert f"No space left on device: '{path}'; make room" in said
        assert "Traceback" not in said
        assert list((directory / "checkpoints").iterdir()) == []
    assert stage(recipe, 5, *options, overrides=overrides)[0] == 0
    assert checkpoint.load_newest(directory)["step"] == 2


def test_a_read_only_data_folder(recipe):
    """What only reads it goes on; what writes says so."""
    data = recipe / "data"
    with mounted(data, "--bind", str(data)):
        subprocess.run(["mount", "-o", "remount,bind,ro", data], check=True)
        status, said = stage(recipe, 1)
        assert status == 1
        assert "Read-only file system" in said and f"cannot write in {data}" in said
        status, said = stage(recipe, 5, *SYSTEMS)
        assert status == 0, said
        assert "all 40 steps are done" in said
