"""A recipe in a folder of its own, for tests that run the real run.sh."""

import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

# The mini recipe so small that all eight stages take less than a minute: enough to see every part
# at work, too little to learn from.
REDUCED = [
    "data.num_rounds.train=6",
    "data.num_rounds.dev=2",
    "data.num_rounds.eval=3",
    "resample.clips_per_part=10",
    "detector.training.steps=10",
    "detector.training.decay_steps=0",
    "detector.training.batch_size=4",
    "detector.training.threads=1",
    "amae.training.steps=5",
    "amae.training.batch_size=4",
    "amae.training.threads=1",
    "amae.mixtures_per_part=20",
    "resunet_joint.channels=[4, 8, 8, 16, 16, 16]",
    "mae_aligned.channels=[4, 8, 8, 16, 16, 16]",
    "train.steps=40",
    "train.batch_size=4",
    "train.log_steps=5",
    "train.decay_steps=20",
    "train.fixed_statistics_steps=10",
    "mixtures.num_train=32",
    "mixtures.num_query_per_class=4",
    "mixtures.num_dev_per_class=2",
    "mixtures.num_eval_per_class=3",
    "evaluate.num_draws=100",
    "evaluate.mixtures_per_part=12",
]

SYSTEMS = ("--systems", "resunet_joint mae_aligned")


def copy_recipe(name: str, folder: Path) -> Path:
    """egs/<name> without its data, below `folder`, where run.sh finds the tools as in a clone."""
    (folder / "egs").mkdir(parents=True, exist_ok=True)
    (folder / "tools").symlink_to(ROOT / "tools")
    ignored = shutil.ignore_patterns("data", "exp", "__pycache__")
    return Path(shutil.copytree(ROOT / "egs" / name, folder / "egs" / name, ignore=ignored))


def command(*options: str, overrides: list[str] = REDUCED) -> list[str]:
    return ["./run.sh", *options, *(word for override in overrides for word in ("--set", override))]


def run(
    recipe: Path,
    *options: str,
    overrides: list[str] = REDUCED,
    check: bool = True,
    variables: dict[str, str] | None = None,
) -> subprocess.CompletedProcess:
    """run.sh with options; returns the finished process, its output in `stderr`."""
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    done = subprocess.run(
        command(*options, overrides=overrides),
        cwd=recipe,
        env=environment | (variables or {}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert not check or done.returncode == 0, done.stdout + done.stderr
    return done
