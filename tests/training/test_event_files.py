"""TensorBoard's event files beside train.jsonl, where it is installed and where it is not."""

import importlib.util
import signal
import sys

import numpy as np
import pytest

from tests.training.toy_task import ToyTask, assert_same, fail_at, stop_at, training
from uss.model_store.log_file import read_log
from uss.training import trainer
from uss.training.event_files import PATTERN, EventFiles, Example

pytestmark = pytest.mark.usefixtures("no_plot")
needs_tensorboard = pytest.mark.skipif(
    importlib.util.find_spec("tensorboard") is None, reason="tensorboard is not installed"
)


def events(directory, plugin):
    """tag -> [(step, value)], of every event file, as they are: nothing is purged."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    found = {}
    for path in sorted(directory.glob(PATTERN)):
        for event in EventFileLoader(str(path)).Load():
            for value in event.summary.value:
                if value.metadata.plugin_data.plugin_name == plugin:
                    content = make_ndarray(value.tensor).ravel()[0]
                    found.setdefault(value.tag, []).append((event.step, content))
    return found


def scalars(directory):
    return events(directory, "scalars")


def expected(directory):
    lines = read_log(directory / "train.jsonl")
    names = {name for line in lines for name in line} - {"step", "seconds"}
    return {
        f"training/{name}": [
            (line["step"], pytest.approx(line[name], rel=1e-6)) for line in lines if name in line
        ]
        for name in names
    }


@pytest.fixture
def without_tensorboard(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if name == "tensorboard" else find(name)
    )


@needs_tensorboard
def test_event_files_have_the_lines_of_the_log(tmp_path):
    trainer.train(ToyTask(), training(), tmp_path)
    assert scalars(tmp_path) == expected(tmp_path)
    assert {"training/loss", "training/learning_rate"} <= scalars(tmp_path).keys()


@needs_tensorboard
def test_no_step_stands_twice_after_a_stop_and_a_kill(tmp_path):
    with pytest.raises(SystemExit):
        trainer.train(ToyTask(stop_at(5, signal.SIGTERM)), training(), tmp_path)
    with pytest.raises(KeyboardInterrupt):
        trainer.train(ToyTask(fail_at(13)), training(), tmp_path)
    assert scalars(tmp_path) == expected(tmp_path)  # steps 4, 8, 12, of which the last one goes
    trainer.train(ToyTask(), training(), tmp_path)
    assert scalars(tmp_path) == expected(tmp_path)
    assert [step for step, _ in scalars(tmp_path)["training/loss"]] == [4, 8, 12, 16, 20]


@needs_tensorboard
def test_a_training_that_began_without_has_all_its_steps(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(importlib.util, "find_spec", lambda name: None)
        trainer.train(ToyTask(), training(steps=12), tmp_path)
        assert not list(tmp_path.glob(PATTERN))
    trainer.train(ToyTask(), training(steps=20), tmp_path)
    assert scalars(tmp_path) == expected(tmp_path)


@needs_tensorboard
def test_the_training_is_the_same_with_and_without(tmp_path, monkeypatch):
    trainer.train(ToyTask(), training(), tmp_path / "with")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    trainer.train(ToyTask(), training(), tmp_path / "without")
    assert_same(tmp_path / "with", tmp_path / "without")


@needs_tensorboard
def test_times_are_those_of_the_training_without_its_pauses(tmp_path):
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    lines = [{"step": s, "loss": 1.0, "seconds": 100.0 * s} for s in (1, 2, 3)]
    EventFiles(tmp_path, lines, seconds=300.0).close()
    (path,) = tmp_path.glob(PATTERN)
    times = [e.wall_time for e in EventFileLoader(str(path)).Load() if e.summary.value]
    np.testing.assert_allclose(np.diff(times), 100.0)


@needs_tensorboard
def test_examples_can_be_heard_and_keep_their_levels(tmp_path, capsys):
    wave = np.sin(np.arange(800) / 5).astype(np.float32)
    example = Example("000_000 Bell", {"mixture": 2 * wave, "target": wave}, 8000)
    files = EventFiles(tmp_path, [], 0.0)
    files.write_examples([example], step=7)
    files.close()
    heard = {}
    for tag, [(step, wav)] in events(tmp_path, "audio").items():
        assert step == 7
        heard[tag] = np.frombuffer(wav[44:], "<i2") / 32767
    assert heard.keys() == {"000_000 Bell/mixture", "000_000 Bell/target"}
    np.testing.assert_allclose(heard["000_000 Bell/mixture"], wave, atol=1e-4)
    np.testing.assert_allclose(heard["000_000 Bell/target"], wave / 2, atol=1e-4)
    assert "clipped" not in capsys.readouterr().out


def test_without_tensorboard_nothing_changes_and_nothing_is_said(
    tmp_path, without_tensorboard, caplog
):
    trainer.train(ToyTask(), training(), tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"checkpoints", "train.jsonl"}
    assert "tensorboard" not in caplog.text


def test_a_tensorboard_that_does_not_work_is_one_warning(tmp_path, monkeypatch, caplog):
    """A module without anything: torch refuses it, as it refuses one that is too old."""
    (tmp_path / "site" / "tensorboard").mkdir(parents=True)
    (tmp_path / "site" / "tensorboard" / "__init__.py").write_text("raise TypeError('protobuf')")
    monkeypatch.syspath_prepend(tmp_path / "site")
    for name in [n for n in sys.modules if n.split(".")[0] == "tensorboard"] + [
        n for n in sys.modules if n.startswith("torch.utils.tensorboard")
    ]:
        monkeypatch.delitem(sys.modules, name)
    trainer.train(ToyTask(), training(), tmp_path / "model")
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert "no event files, as tensorboard does not work (protobuf)" in record.getMessage()
    assert [line["step"] for line in read_log(tmp_path / "model" / "train.jsonl")][-1] == 20
