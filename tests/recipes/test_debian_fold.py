"""experiments/amae_gain/fold.sh: which options it gives to run.sh, and where, and what it keeps.

run.sh and python are stand-ins that write down their arguments.
"""

import shutil
import subprocess
from pathlib import Path

import pytest

from tests.helpers.debian_recipe import RECIPE

SCRIPT = Path("experiments/amae_gain/fold.sh")


@pytest.fixture
def fold(tmp_path):
    """Runs fold.sh with arguments; returns the folder in which run.sh ran, and its options."""
    recipe = tmp_path / "egs" / "sounds"
    (recipe / "data" / "packages").mkdir(parents=True)
    (recipe / "conf").mkdir()
    script = recipe / SCRIPT
    script.parent.mkdir(parents=True)
    shutil.copy(RECIPE / SCRIPT, script)
    script = recipe / "run.sh"
    script.write_text(
        '#!/bin/sh\n(pwd; printf "%s\\n" "$@") > "$0.log"\n'
        'mkdir -p "exp/$2" && touch "exp/$2/RESULTS.md"\n'
    )
    script.chmod(0o755)
    (tmp_path / "path.sh").write_text(f'python() {{ echo "$@" > {tmp_path}/kept; }}\n')

    def run(*arguments: str) -> tuple[Path, list[str]]:
        subprocess.run([recipe / SCRIPT, *arguments], check=True, capture_output=True, text=True)
        (log,) = recipe.parent.glob("*/run.sh.log")
        folder, *options = log.read_text().splitlines()
        log.unlink()
        return Path(folder), options

    return run


def test_fold_0_is_the_recipes_own(fold):
    folder, options = fold("0", "--stage", "4")
    assert folder.name == "sounds"
    assert options[:2] == ["--name", "fold0"] and options[-2:] == ["--stage", "4"]
    assert {"data.fold=0", "train.seed=0", "amae.training.seed=0"} <= set(options)


def test_another_fold_has_a_folder_and_seeds_of_its_own(fold):
    folder, options = fold("2")
    assert folder.name == "sounds_fold2" and (folder / "conf").is_symlink()
    assert {"fold2", "data.fold=2", "detector.training.seed=2", "train.seed=2"} <= set(options)
    assert "data.packages=../sounds/data/packages" in options


def test_another_seed_is_that_of_the_separators_only(fold, tmp_path):
    folder, options = fold("1", "7", "--nj", "1")
    assert folder.name == "sounds_fold1" and options[-2:] == ["--nj", "1"]
    folder = tmp_path / "egs" / "sounds" / SCRIPT.parent / "runs" / "fold1_seed7"
    kept = f"-m uss.bin.keep_results --name fold1_seed7 --folder {folder}\n"
    assert (tmp_path / "kept").read_text() == kept
    assert {"fold1_seed7", "data.fold=1", "train.seed=7", "mixtures.seed=1"} <= set(options)
    assert "train.seed=1" not in options


def test_without_a_fold_it_says_how(fold):
    with pytest.raises(subprocess.CalledProcessError) as caught:
        fold("--stage", "4")
    assert caught.value.returncode == 2 and "usage: fold.sh FOLD" in caught.value.stderr
