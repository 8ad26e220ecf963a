import json

import matplotlib.image
import numpy as np
import pytest

from uss.training.loss_curve import loss_curve


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
