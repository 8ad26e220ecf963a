import json
import os
import subprocess
import sys
from pathlib import Path

import matplotlib.image
import numpy as np
import pytest

from tests.helpers.pictures import hostile_settings
from uss.model_store.loss_curve import loss_curve


@pytest.mark.parametrize("num_lines", [1, 3, 100])
def test_draws_short_and_long_logs(tmp_path, num_lines):
    lines = [
        {"step": i, "loss": float(np.exp(-i / 9)), "learning_rate": 1e-3, "seconds": float(i)}
        for i in range(1, num_lines + 1)
    ]
    log = tmp_path / "train.jsonl"
    log.write_text("".join(json.dumps(line) + "\n" for line in lines))
    loss_curve(log, tmp_path / "loss.png")
    image = matplotlib.image.imread(tmp_path / "loss.png")
    assert image.shape[:2] == (360, 600) and image.min() < 0.5  # something is drawn


@pytest.mark.slow
def test_a_training_ends_whatever_the_users_settings(recipe):
    command = [sys.executable, "-m", "uss.bin.train", "--name", "one", "--systems", "resunet"]
    environment = {**hostile_settings(recipe), "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*command, "--set=train.steps=4"], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0 and "WARNING" not in done.stderr
    directory = recipe / "exp" / "one" / "resunet"
    assert matplotlib.image.imread(directory / "loss.png").shape[:2] == (360, 600)
    assert os.listdir(directory / "checkpoints") == ["step_00000004.pt"]
