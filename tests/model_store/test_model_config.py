import copy
import logging

import pytest
import torch

from uss.model_store import checkpoint
from uss.model_store.model_config import (
    needs_training,
    newest_checkpoint,
    read_config,
    write_config,
)

CONFIG = {
    "kind": "separator",
    "system": {"query": "embedding", "stft": {"window_size": 512}},
    "training": {"steps": 20, "learning_rate": 1e-3, "log_steps": 5, "save_minutes": 10},
    "inputs": {"mixtures": "0123", "anchors": "4567"},
}


def changed(key, value):
    config = copy.deepcopy(CONFIG)
    *path, last = key.split(".")
    inner = config
    for part in path:
        inner = inner[part]
    inner[last] = value
    return config


@pytest.fixture
def trained(tmp_path):
    """A directory whose training is finished."""
    directory = tmp_path / "resunet"
    write_config(directory, CONFIG, sample_rate=16000)
    checkpoint.save(directory, {"step": 20, "model": {"w": torch.zeros(3)}})
    return directory


def test_new_unfinished_and_finished(tmp_path, caplog):
    directory = tmp_path / "resunet"
    caplog.set_level(logging.INFO)
    assert needs_training(directory, CONFIG)
    write_config(directory, CONFIG, sample_rate=16000)
    checkpoint.save(directory, {"step": 10})
    assert needs_training(directory, CONFIG)
    checkpoint.save(directory, {"step": 20})
    assert not needs_training(directory, CONFIG)
    assert "10 of 20 steps are done" in caplog.text
    assert f"skip {directory}: all 20 steps are done" in caplog.text


def test_a_changed_config_before_the_first_checkpoint_loses_nothing(tmp_path):
    write_config(tmp_path, CONFIG)
    assert needs_training(tmp_path, changed("training.learning_rate", 1e-4))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("system.stft.window_size", 1024, r"system.stft.window_size \(512 -> 1024\)"),
        ("training.learning_rate", 1e-4, r"training.learning_rate \(0.001 -> 0.0001\)"),
        ("inputs.anchors", "89ab", r"inputs.anchors \(4567 -> 89ab\)"),
        ("training.steps", 10, r"training.steps \(20 -> 10\)"),
        ("kind", "detector", "kind"),
    ],
)
def test_a_changed_config_is_refused(trained, key, value, message):
    with pytest.raises(ValueError, match=f"{message}.*another --name"):
        needs_training(trained, changed(key, value))


def test_a_model_from_before_a_key_has_its_default(trained):
    with_key = changed("system.query_norm", "none")
    with_key["training"]["batch_norm_momentum"] = 0.1
    with_key["system"]["stft"]["hop_size"] = 320
    assert not needs_training(trained, with_key)
    with_key["system"]["stft"]["hop_size"] = 160
    with pytest.raises(ValueError, match=r"system.stft.hop_size \(320 -> 160\)"):
        needs_training(trained, with_key)
    write_config(trained, with_key)
    with pytest.raises(ValueError, match=r"system.stft.hop_size \(160 -> 320\)"):
        needs_training(trained, CONFIG)


def test_steps_may_grow_and_bookkeeping_is_free(trained):
    assert needs_training(trained, changed("training.steps", 30))
    assert not needs_training(trained, changed("training.log_steps", 1))
    assert not needs_training(trained, changed("training.save_minutes", 1))


@pytest.mark.parametrize("key", ["decay_steps", "fixed_statistics_steps"])
def test_last_steps_may_follow_what_is_done_and_not_change_it(trained, key):
    grown = changed("training.steps", 30)
    grown["training"][key] = 10  # the 20 that are done stay as they are
    assert needs_training(trained, grown)
    grown["training"][key] = 11
    with pytest.raises(ValueError, match=rf"{key} \(20 -> 19: of the 20 steps.*another --name"):
        needs_training(trained, grown)
    write_config(trained, changed(f"training.{key}", 5))
    with pytest.raises(ValueError, match=rf"{key} \(15 -> 30: of the 20 steps"):
        needs_training(trained, changed("training.steps", 30))


def test_a_truncated_last_checkpoint_is_trained_again(trained):
    path = newest_checkpoint(trained)
    path.write_bytes(path.read_bytes()[:-50])
    assert needs_training(trained, CONFIG)


def test_newest_checkpoint_wants_a_finished_training(trained, tmp_path):
    assert newest_checkpoint(trained).name == "step_00000020.pt"
    write_config(trained, changed("training.steps", 30))
    with pytest.raises(ValueError, match="20 of 30 training steps.*--stage 5"):
        newest_checkpoint(trained)
    with pytest.raises(ValueError, match="no trained model; stage 2"):
        newest_checkpoint(tmp_path / "data" / "detector")


def test_config_reads_back_and_a_broken_one_is_named(trained):
    config = read_config(trained)
    assert config.pop("facts")["sample_rate"] == 16000
    assert config == CONFIG
    (trained / "config.yaml").write_text("kind: [", encoding="utf-8")
    with pytest.raises(ValueError, match="config.yaml: not YAML .*train again"):
        read_config(trained)
