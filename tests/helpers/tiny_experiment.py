"""A recipe after stage 6 with networks of a few units, made once and kept for other programs.

    python -m tests.helpers.tiny_experiment        # prints its folder

conf/, data/ and exp/one/{resunet,at_soft,frozen,updated}/, the last ones after stage 6: model
directories with three classes, of which class 2 has no average embedding. `frozen` reads cached
features, `updated` holds an A-MAE. It lies in the folder for temporary files, under a name that
holds a digest of the code, so that it is made again when the code changes. Not to be changed: copy.
"""

import contextlib
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.helpers.training_recipe import write_recipe

ROOT = Path(__file__).resolve().parents[2]
SYSTEMS = ("resunet", "at_soft", "frozen", "updated")


def code_digest() -> str:
    """Of all that decides what the folder holds."""
    content = hashlib.sha256()
    files = [*ROOT.glob("uss/**/*.py"), ROOT / "tests/helpers/training_recipe.py", Path(__file__)]
    for path in sorted(files):
        content.update(path.read_bytes())
    return content.hexdigest()[:12]


def tiny_experiment() -> Path:
    """The recipe's folder; made in a process of its own, since torch that has trained forks ill."""
    folder = Path(tempfile.gettempdir()) / f"uss-tiny-{os.getuid()}-{code_digest()}"
    if not folder.exists():
        own = Path(tempfile.mkdtemp(prefix="uss-tiny-"))
        command = [sys.executable, "-m", "tests.helpers.tiny_experiment", str(own)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode != 0:
            shutil.rmtree(own)
            raise RuntimeError(done.stderr)
        try:
            own.rename(folder)
        except OSError:  # somebody else was first
            shutil.rmtree(own)
    return folder


def build(recipe: Path) -> None:
    from uss.bin import average_embeddings, features, train, train_amae
    from uss.bin import train_detector as train_detector
    from uss.tables import Mixture, read_table, write_table

    write_recipe(recipe)
    mixtures = read_table(recipe / "data" / "mixtures" / "train.csv", Mixture)
    write_table(recipe / "data" / "mixtures" / "query.csv", mixtures[:8], Mixture)  # not class 2
    with contextlib.chdir(recipe):
        train_detector.main(["--set=detector.training.steps=100"])
        train_amae.main(["--systems", "frozen", "updated", "--set=amae.training.steps=2"])
        features.main(["--systems", "frozen"])
        often = ["--set=train.steps=4", "--set=train.save_minutes=0"]
        train.main(["--name", "one", "--systems", *SYSTEMS, *often])
        average_embeddings.main(["--name", "one"])


if __name__ == "__main__":
    if sys.argv[1:]:
        build(Path(sys.argv[1]).resolve())
    else:
        print(tiny_experiment())
