"""The loop, on a network of one layer."""

import math
import signal

import numpy as np
import pytest
import torch
from torch.optim.optimizer import register_optimizer_step_pre_hook

from tests.training.toy_task import ToyTask, assert_same, fail_at, stop_at, training
from uss import distributed
from uss.model_store import checkpoint
from uss.model_store.log_file import read_log
from uss.model_store.model_config import checkpoints
from uss.training import trainer

pytestmark = pytest.mark.usefixtures("no_plot")


def test_a_training_writes_log_curve_and_checkpoints(tmp_path):
    task = ToyTask()
    trainer.train(task, training(learning_rate=0.1, log_steps=8), tmp_path)
    lines = read_log(tmp_path / "train.jsonl")
    assert [line["step"] for line in lines] == [8, 16, 20]
    assert lines[-1]["loss"] < lines[0]["loss"]
    assert [line["learning_rate"] for line in lines] == [0.1, 0.1, 0.1]
    assert "score" not in lines[0] and lines[-1]["score"] == 7
    assert sorted(lines, key=lambda line: line["seconds"]) == lines
    assert (tmp_path / "loss.png").stat().st_size > 1000
    assert [step for step, _ in checkpoints(tmp_path)] == [20]
    assert task.model[0].momentum == 0.1


def test_the_device_is_named(tmp_path, caplog, monkeypatch):
    caplog.set_level("INFO")
    monkeypatch.setattr(distributed, "device", lambda: torch.device("cpu"))
    monkeypatch.setattr(torch.version, "cuda", None)
    monkeypatch.setattr(distributed, "NVIDIA_DRIVER", tmp_path / "none")
    distributed.log_device()
    assert caplog.messages == ["on the CPU"]
    monkeypatch.setattr(distributed, "NVIDIA_DRIVER", tmp_path)
    distributed.log_device()
    assert "this machine has an NVIDIA GPU, and torch" in caplog.messages[-1]


def test_a_curve_that_cannot_be_drawn_costs_nothing(tmp_path, caplog):
    (tmp_path / "loss.png").mkdir()
    trainer.train(ToyTask(), training(), tmp_path)
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "loss.png could not be drawn, and nothing else depends on it" in record.getMessage()
    assert [step for step, _ in checkpoints(tmp_path)] == [20]
    assert [line["step"] for line in read_log(tmp_path / "train.jsonl")] == [4, 8, 12, 16, 20]


def test_the_curve_comes_after_the_last_checkpoint(tmp_path):
    trainer.train(ToyTask(), training(), tmp_path)
    (_, newest), *_ = checkpoints(tmp_path)
    assert (tmp_path / "loss.png").stat().st_mtime_ns > newest.stat().st_mtime_ns


def test_warmup_reaches_every_group(tmp_path):
    rates = []
    task = ToyTask()

    def remember(optimizer, *_):
        rates.append([group["lr"] for group in optimizer.param_groups])

    handle = register_optimizer_step_pre_hook(remember)
    trainer.train(task, training(steps=4, learning_rate=0.5), tmp_path)
    handle.remove()
    expected = [[0.0005, 1e-5], [0.005, 1e-4], [0.05, 1e-3], [0.5, 0.01]]
    assert torch.allclose(torch.tensor(rates), torch.tensor(expected))


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR2])
def test_a_signal_ends_the_step_saves_and_exits_75(tmp_path, number):
    handler = signal.getsignal(number)
    trainer.train(ToyTask(), training(), tmp_path / "undisturbed")
    with pytest.raises(SystemExit) as stopped:
        trainer.train(ToyTask(stop_at(10, number)), training(), tmp_path / "resumed")
    assert stopped.value.code == 75
    assert [step for step, _ in checkpoints(tmp_path / "resumed")] == [11]
    assert signal.getsignal(number) == handler
    trainer.train(ToyTask(), training(), tmp_path / "resumed")
    assert_same(tmp_path / "undisturbed", tmp_path / "resumed")


def test_a_kill_loses_only_what_came_after_the_last_checkpoint(tmp_path):
    trainer.train(ToyTask(), training(), tmp_path / "undisturbed")
    directory = tmp_path / "resumed"
    with pytest.raises(SystemExit):
        trainer.train(ToyTask(stop_at(5, signal.SIGTERM)), training(), directory)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(ToyTask(fail_at(13)), training(), directory)
    with open(directory / "train.jsonl", "a", encoding="utf-8") as log:
        log.write('{"step": 12, "lo')
    assert [line["step"] for line in read_log(directory / "train.jsonl")] == [4, 8, 12]
    trainer.train(ToyTask(), training(), directory)
    assert_same(tmp_path / "undisturbed", directory)


def test_saves_as_often_as_asked(tmp_path, monkeypatch):
    saved = []
    monkeypatch.setattr(checkpoint, "save", lambda _, state: saved.append(state["step"]))
    trainer.train(ToyTask(), training(steps=3, save_minutes=0), tmp_path)
    trainer.train(ToyTask(), training(steps=3, save_minutes=10), tmp_path)
    assert saved == [1, 2, 3, 3]


def test_more_steps_go_on_from_the_last(tmp_path):
    trainer.train(ToyTask(), training(steps=20), tmp_path / "at_once")
    trainer.train(ToyTask(), training(steps=12), tmp_path / "grown")
    trainer.train(ToyTask(), training(steps=20), tmp_path / "grown")
    at_once, grown = (
        checkpoint.load_newest(tmp_path / name)["model"] for name in ("at_once", "grown")
    )
    assert all(torch.equal(at_once[key], grown[key]) for key in at_once)


def test_learning_rate_and_momentum_fall_in_the_last_steps(tmp_path):
    task, seen = ToyTask(), []
    task.before_step = lambda step: seen.append(task.model[0].running_mean.clone())
    values = {"warmup_steps": 0, "batch_norm_momentum": 0.5, "learning_rate": 0.1}
    trainer.train(
        task, training(steps=6, decay_steps=4, log_steps=1, **values), tmp_path / "at_once"
    )
    rates = [line["learning_rate"] for line in read_log(tmp_path / "at_once" / "train.jsonl")]
    assert rates == pytest.approx([0.1, 0.1, 0.1, 0.075, 0.05, 0.025])
    expected = torch.zeros(4)
    for step, (rate, mean) in enumerate(zip(rates, seen, strict=True)):
        assert torch.allclose(mean, expected, atol=1e-6)
        expected = expected.lerp(task.drawn(step)[0].mean(0), 5 * rate)  # the momentum
    assert torch.allclose(task.model[0].running_mean, expected, atol=1e-6)
    trainer.train(ToyTask(), training(steps=2, log_steps=1, **values), tmp_path / "grown")
    assert len(checkpoints(tmp_path / "grown")) == 1
    trainer.train(
        ToyTask(), training(steps=6, decay_steps=4, log_steps=1, **values), tmp_path / "grown"
    )
    at_once, grown = (checkpoint.load_newest(tmp_path / name) for name in ("at_once", "grown"))
    assert all(torch.equal(value, grown["model"][key]) for key, value in at_once["model"].items())


def test_in_the_last_steps_the_running_statistics_are_used_and_stay(tmp_path):
    values = {"steps": 9, "fixed_statistics_steps": 4, "warmup_steps": 0}
    task, seen = ToyTask(), []

    def look(step):
        seen.append((task.model[0].running_mean.clone(), task.model[0].training))

    task.before_step = look
    trainer.train(task, training(**values), tmp_path / "undisturbed")
    assert [is_training for _, is_training in seen] == [True] * 5 + [False] * 4
    assert not torch.equal(seen[4][0], seen[5][0])
    assert torch.equal(seen[5][0], task.model[0].running_mean)

    task = ToyTask(before_step=fail_at(7), poisoned={6})
    with pytest.raises(KeyboardInterrupt):
        trainer.train(task, training(**values, save_minutes=0), tmp_path / "resumed")
    trainer.train(ToyTask(poisoned={6}), training(**values), tmp_path / "resumed")
    trainer.train(ToyTask(poisoned={6}), training(**values), tmp_path / "poisoned")
    assert_same(tmp_path / "poisoned", tmp_path / "resumed")
    weights = checkpoint.load_newest(tmp_path / "poisoned")["model"]
    assert torch.equal(weights["0.running_mean"], task.model[0].running_mean)
    assert weights["0.num_batches_tracked"].item() == 5


def test_a_batch_that_is_not_finite_changes_nothing(tmp_path):
    """Steps 0 .. 3 with step 3 poisoned: weights and running statistics are those after step 2."""
    trainer.train(ToyTask(), training(steps=3), tmp_path / "clean")
    trainer.train(ToyTask(poisoned={3}), training(steps=4), tmp_path / "poisoned")
    clean, poisoned = (checkpoint.load_newest(tmp_path / name) for name in ("clean", "poisoned"))
    for key, tensor in clean["model"].items():
        assert torch.equal(tensor, poisoned["model"][key]), key
    assert poisoned["num_skipped"] == 1
    lines = read_log(tmp_path / "poisoned" / "train.jsonl")
    assert all(math.isfinite(value) for line in lines for value in line.values())
    with np.load(tmp_path / "poisoned" / "skipped" / "step_00000003.npz") as kept:
        assert np.isnan(kept["x"]).sum() == 1 and kept["x"].shape == (16, 4)


def test_too_many_such_batches_stop_the_training(tmp_path):
    poisoned = set(range(4, 100))
    task = ToyTask(poisoned=poisoned)
    with pytest.raises(ValueError, match="step 14 is not finite, after 10 such.*step_00000014.npz"):
        trainer.train(task, training(), tmp_path)
    assert all(torch.isfinite(tensor).all() for tensor in task.model.state_dict().values())
    assert checkpoints(tmp_path) == []
    # The count is kept over a stop.
    with pytest.raises(SystemExit):
        trainer.train(ToyTask(stop_at(9, signal.SIGTERM), poisoned), training(), tmp_path)
    with pytest.raises(ValueError, match="step 14 is not finite"):
        trainer.train(ToyTask(poisoned=poisoned), training(), tmp_path)
