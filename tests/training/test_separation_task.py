"""Stage 5 through its entry point."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from tests.helpers import small_networks
from tests.helpers.training_recipe import SYSTEM
from tests.training.toy_task import loss_of
from uss.bin import features as write_features
from uss.bin import train
from uss.data.anchor_set import AnchorSet
from uss.data.feature_set import FeatureSet
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.evaluation import metrics
from uss.layout import AMAE
from uss.model_store import checkpoint
from uss.model_store.loading import load_amae, load_separator
from uss.model_store.log_file import read_log
from uss.schema import SeparatorTraining
from uss.training.separation_task import SeparationTask, si_sdr

MIXTURES = Path("data/mixtures/train.csv")


def run(name, *systems, **settings):
    overrides = [f"--set=train.{key}={value}" for key, value in settings.items()]
    train.main(["--name", name, "--systems", *systems, *overrides])
    return Path("exp") / name / systems[0]


@pytest.mark.slow
@pytest.mark.parametrize("system", ["resunet", "at_soft"])
def test_a_separator_learns(recipe, system):
    directory = run("one", system, steps=40)
    lines = read_log(directory / "train.jsonl")
    assert lines[-1]["loss"] < 0.9 * lines[0]["loss"]
    assert lines[-1]["sdri"] > lines[0]["sdri"] + 1
    assert lines[-1]["si_sdr"] > lines[0]["si_sdr"]
    assert 0 < lines[-1]["eval_mode_loss"] < 3 * lines[-1]["loss"]


def test_a_model_directory_stands_alone(amae):
    directory = run("one", "frozen", steps=3)
    state = checkpoint.load_newest(directory)["model"]
    (amae / "data").rename(amae / "moved")
    (amae / "conf").rename(amae / "moved_conf")
    loaded = load_separator(directory)
    assert (loaded.sample_rate, loaded.query_size) == (16000, 8)
    assert loaded.system.amae.features == "aligned"
    assert not loaded.separator.training
    for key, tensor in loaded.separator.state_dict().items():
        assert torch.equal(tensor, state[key]), key
    with torch.no_grad():  # live features, from the encoder within
        assert loaded.separator(torch.rand(2, 16000), torch.rand(2, 8)).shape == (2, 16000)
    torch.manual_seed(0)
    untrained = load_separator(directory, trained=False).separator
    assert not torch.equal(
        untrained.network.unet.pre_conv.weight, loaded.separator.network.unet.pre_conv.weight
    )


def test_a_model_directory_holds_the_average(recipe):
    directory = run("one", "resunet", steps=3, weights_average=0.9)
    state = checkpoint.load_newest(directory)
    loaded = load_separator(directory).separator.state_dict()
    assert all(torch.equal(tensor, state["model"][key]) for key, tensor in loaded.items())
    assert any(
        not torch.equal(tensor, state["last_weights"][key]) for key, tensor in loaded.items()
    )


def test_frozen_keeps_and_updated_trains_the_amae(amae):
    before = load_amae(AMAE).state_dict()
    for system in ("frozen", "updated"):
        encoder = load_separator(run("one", system, steps=3)).separator.amae.encoder
        for key, tensor in encoder.state_dict().items():
            trained = system == "updated" and key.startswith("blocks.")
            assert torch.equal(tensor, before[key]) != trained, key


@pytest.mark.slow
@pytest.mark.parametrize("system", ["frozen", "updated"])
def test_resume_is_bit_exact(amae, system, monkeypatch):
    """20 steps at once = 11, stopped, 9."""
    once = checkpoint.load_newest(run("once", system))
    loss = SeparationTask.loss
    steps = iter(range(20))

    def stop_in_step_10(task, inputs):
        if next(steps) == 10:
            os.kill(os.getpid(), signal.SIGUSR2)
        return loss(task, inputs)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(SeparationTask, "loss", stop_in_step_10)
        run("twice", system)
    assert stopped.value.code == 75
    directory = Path("exp") / "twice" / system
    assert checkpoint.load_newest(directory)["step"] == 11
    twice = checkpoint.load_newest(run("twice", system))
    assert twice["step"] == 20
    for key, tensor in once["model"].items():
        assert torch.equal(tensor, twice["model"][key]), key
    for index, values in once["optimizer"]["state"].items():
        for key, tensor in values.items():
            assert torch.equal(tensor, twice["optimizer"]["state"][index][key])


def test_cached_and_live_features_train_alike(amae):
    """Up to the cache's float16."""
    mixtures = MixtureList(MIXTURES, AnchorSet("data/train"))
    loaded = load_separator(run("one", "frozen", steps=1))
    training = SeparatorTraining(steps=1, batch_size=4)
    losses = [
        loss_of(SeparationTask(loaded.separator, mixtures, cache, training, torch.device("cpu")), 3)
        for cache in (None, FeatureSet("data", loaded.system))
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-3)


@pytest.mark.parametrize("features", ["paper", "aligned"])
def test_cached_features_are_the_live_ones_in_float16(amae, features):
    content = {**SYSTEM, "amae": {"features": features}}
    Path("conf/systems/cached.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    write_features.main(["--systems", "cached"])
    loaded = load_separator(run("one", "cached", steps=2))
    mixtures = MixtureList(MIXTURES, AnchorSet("data/train"))
    rows = range(7)
    batch = mixtures.batch(rows)
    signals = (torch.from_numpy(signal) for signal in (batch.target, batch.interferer))
    with torch.no_grad():
        live = loaded.separator.amae(mix(*signals, loaded.system.normalization).mixture).numpy()
    cached = FeatureSet("data", loaded.system).read(rows)
    assert cached.dtype == np.float16 and cached.std() > 0.1
    np.testing.assert_allclose(
        cached, live, rtol=2**-11, atol=1e-6
    )  # half a unit in the last place


def test_the_si_sdr_of_the_log_is_that_of_the_evaluation():
    target, noise = torch.randn(2, 3, 4000, generator=torch.Generator().manual_seed(0))
    for estimate in (0.1 * target + noise, target + 0.1 * noise, -2 * target + noise):
        expected = metrics.si_sdr(target, estimate).float()
        torch.testing.assert_close(si_sdr(target, estimate), expected, atol=1e-3, rtol=0)


def test_a_step_reads_its_rows_and_wraps(recipe):
    mixtures = MixtureList(MIXTURES, AnchorSet("data/train"))
    training = SeparatorTraining(steps=1, batch_size=4)
    task = SeparationTask(small_networks.separator(), mixtures, None, training, torch.device("cpu"))
    assert task.rows(0).tolist() == [0, 1, 2, 3]
    assert task.rows(7).tolist() == [28, 29, 0, 1]
    assert task.rows(15).tolist() == [0, 1, 2, 3]


def test_how_often_a_row_is_seen_is_said(recipe, caplog):
    caplog.set_level("INFO")
    run("one", "resunet", steps=9)
    said = "lists 30 mixtures, and 36 are read: each of them is seen 1.2 times"
    assert any(said in message for message in caplog.messages)
    caplog.clear()
    run("two", "resunet", steps=3)
    assert not any("are read" in message for message in caplog.messages)


def test_changed_settings_and_inputs_are_refused(amae):
    run("one", "frozen", steps=2)
    with pytest.raises(ValueError, match=r"training.batch_size \(4 -> 2\).*another --name"):
        run("one", "frozen", steps=2, batch_size=2)
    assert checkpoint.load_newest(run("one", "frozen", steps=3))["step"] == 3
    lines = MIXTURES.read_text(encoding="utf-8").splitlines(keepends=True)
    MIXTURES.write_text("".join([*lines[:-1], lines[-1].replace("anchor_10", "anchor_09")]))
    with pytest.raises(ValueError, match="changed input: mixtures; stage 4 writes it"):
        run("one", "frozen", steps=3)


def test_another_list_is_refused(recipe):
    run("one", "resunet", steps=2)
    lines = MIXTURES.read_text(encoding="utf-8").splitlines(keepends=True)
    MIXTURES.write_text("".join([*lines[:-1], lines[-1].replace("anchor_10", "anchor_09")]))
    with pytest.raises(ValueError, match="inputs.mixtures"):
        run("one", "resunet", steps=3)


def test_missing_inputs_name_their_stage(recipe):
    with pytest.raises(ValueError, match="data/amae holds no trained model; stage 4"):
        run("one", "frozen")
    with pytest.raises(ValueError, match="data/amae holds no trained model; stage 4"):
        run("one", "updated")
    MIXTURES.unlink()
    with pytest.raises(ValueError, match="stage 3 writes it"):
        run("one", "resunet")


def test_shards_take_systems_in_turn(recipe, monkeypatch):
    monkeypatch.setenv("NUM_SHARDS", "2")
    monkeypatch.setenv("SHARD", "2")
    run("one", "resunet", "at_soft", steps=1)
    assert [path.name for path in Path("exp/one").iterdir()] == ["at_soft"]


@pytest.mark.slow
def test_a_finished_training_is_skipped_without_torch(amae):
    run("one", "frozen", steps=1)
    command = (
        "import sys, logging; logging.basicConfig(level='INFO'); from uss.bin import train;"
        "train.main(sys.argv[1:]); assert 'torch' not in sys.modules, 'torch'"
    )
    options = ["--name", "one", "--systems", "frozen", "--set=train.steps=1"]
    done = subprocess.run(
        [sys.executable, "-c", command, *options],
        env=os.environ | {"PYTHONPATH": str(Path(train.__file__).parents[2])},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert "skip exp/one/frozen: all 1 steps are done" in done.stderr


def test_anchors_shorter_than_the_window_are_refused(recipe):
    with pytest.raises(ValueError, match=r"anchors of \d+ samples, fewer than .*window_size 65536"):
        train.main(
            ["--name=short", "--systems=resunet", "--set=resunet.stft.window_size=65536"]
            + ["--set=resunet.stft.hop_size=2048"]
        )
