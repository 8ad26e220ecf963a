"""A step queues its work and waits for nothing: no value of a device is asked for, no copy blocks.
Shown on the CPU, by what is called; no time was measured on a GPU."""

import copy
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from tests.helpers import small_networks
from tests.training.toy_task import ToyTask, training
from uss.data.anchor_set import AnchorSet
from uss.data.mixture_list import MixtureList
from uss.data.waveforms import WaveformSet
from uss.model_store import checkpoint
from uss.model_store.log_file import read_log
from uss.models.audio_mae import AudioMae
from uss.models.panns import Cnn14DecisionLevelMax
from uss.schema import Amae, AmaeModel, Anchors, Detector, PannsModel, SeparatorTraining
from uss.training import trainer
from uss.training.detector_task import DetectorTask
from uss.training.masked_autoencoding import MaskedAutoencodingTask, Segments
from uss.training.outcomes import Outcomes
from uss.training.separation_task import SeparationTask

CPU = torch.device("cpu")
TORCH = str(Path(torch.__file__).parent)
SETTINGS = {"steps": 4, "batch_size": 4, "threads": 1, "decay_steps": 2, "weights_average": 0.9}
TRAINING = SeparatorTraining(**SETTINGS)
READS = {"item", "tolist", "numpy", "cpu", "__bool__", "__float__", "__int__", "__index__"}
COPIES = {"to", "cuda", "copy_"}
# Their results have a size that the device alone knows, or are a value on the host.
WAITS = {"_local_scalar_dense", "nonzero", "masked_select", "unique_dim", "_unique2", "equal"}

pytestmark = pytest.mark.usefixtures("no_plot")


class Calls(TorchFunctionMode):
    """Collects what Python calls that would wait for a device."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        name = getattr(func, "__name__", "")
        ours = not sys._getframe(1).f_code.co_filename.startswith(TORCH)  # torch's are no copies
        to_a_device = [one for one in args[1:] if isinstance(one, torch.device | str)]
        blocking = not kwargs.get("non_blocking", False)
        if name in READS or (name in COPIES and ours and to_a_device and blocking):
            self.seen.append(name)
        return func(*args, **kwargs)


class Operations(TorchDispatchMode):
    """Collects the operations, whoever calls them, that would wait for a device."""

    def __init__(self, seen: list[str]) -> None:
        super().__init__()
        self.seen = seen

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        name = func.overloadpacket.__name__
        if name in WAITS:
            self.seen.append(name)
        return func(*args, **(kwargs or {}))


def waits(task, directory, monkeypatch) -> list[str]:
    """What waited in the steps of a training: what looks at an outcome is said as `outcome`."""
    seen: list[str] = []
    of_steps: list[str] = []
    look_at = Outcomes._look_at

    def looked_at(outcomes, outcome):
        before = len(seen)
        look_at(outcomes, outcome)
        assert seen[before:] in ([], ["tolist"])
        seen[before:] = [] if outcome is None else [f"outcome {outcome.step}"]

    update = trainer.update

    def updated(*args):
        result = update(*args)
        seen.append("queued")
        return result

    monkeypatch.setattr(Outcomes, "_look_at", looked_at)
    monkeypatch.setattr(trainer, "update", updated)
    task.evaluate = lambda: of_steps.extend(seen) or {}
    with Calls(seen), Operations(seen):
        trainer.train(task, TRAINING, directory)
    return of_steps


def separation():
    mixtures = MixtureList("data/mixtures/train.csv", AnchorSet("data/train"))
    query = np.ones(small_networks.QUERY_SIZE, "f4")
    mixtures.anchors.embeddings = lambda rows: np.tile(query, (len(rows), 1))
    separator = small_networks.separator("paper", updated=True)
    return SeparationTask(separator, mixtures, None, TRAINING, CPU)


def detection():
    clips = WaveformSet("data/train")
    model = PannsModel(
        sample_rate=clips.sample_rate, window_size=256, hop_size=160, mel_bins=16, fmin=50,
        fmax=4000, channels=[8, 8, 8, 8], num_classes=clips.target.shape[1],
    )  # fmt: skip
    return DetectorTask(Cnn14DecisionLevelMax(model), clips, clips, Detector(TRAINING), CPU)


def pretraining():
    segments = Segments([WaveformSet("data/train")], Anchors(segment_seconds=0.5), seed=0)
    model = AmaeModel(
        input_frames=128, mel_bins=32, width=16, depth=1, heads=2, decoder_width=16,
        decoder_depth=1, decoder_heads=2, mean=-4.0, std=2.0,
    )  # fmt: skip
    amae = Amae(TRAINING, model)
    return MaskedAutoencodingTask(AudioMae(model), segments, segments, amae, 16000, CPU)


@pytest.mark.parametrize("make", [separation, detection, pretraining])
def test_a_step_is_looked_at_when_the_next_one_is_queued(recipe, make, monkeypatch):
    assert waits(make(), recipe / "trained", monkeypatch) == [
        *("queued", "queued", "outcome 0", "queued", "outcome 1", "queued", "outcome 2"),
        "outcome 3",  # the last one is waited for
    ]


def test_what_waits_is_noticed(tmp_path, monkeypatch):
    assert "_local_scalar_dense" in waits(ToyTask(), tmp_path, monkeypatch)


def test_the_weights_are_those_of_a_plain_loop(tmp_path):
    """Bit for bit: weights, statistics, optimiser and log, with a batch that is not finite."""
    values = {"learning_rate": 0.1, "decay_steps": 10, "log_steps": 1, "batch_norm_momentum": 0.3}
    settings = training(steps=12, warmup_steps=0, **values)
    trainer.train(ToyTask(poisoned={4, 9}), settings, tmp_path)
    state = checkpoint.load_newest(tmp_path)

    task = ToyTask(poisoned={4, 9})
    model, optimizer = trainer.prepare(task, settings)
    rates, losses = [group["lr"] for group in optimizer.param_groups], []
    for step in range(12):
        factor = min(1, (12 - step) / 10)
        for group, rate in zip(optimizer.param_groups, rates, strict=True):
            group["lr"] = rate * factor
        before = copy.deepcopy(model.state_dict())
        optimizer.zero_grad()
        inputs = task.inputs(step)
        loss, _ = task.loss({name: torch.as_tensor(inputs[name]) for name in inputs})
        loss.backward()
        if not torch.isfinite(loss):
            model.load_state_dict(before)
            continue
        optimizer.step()
        losses.append(loss.item())
        for name, buffer in model.named_buffers():
            if buffer.is_floating_point() and factor < 1:
                buffer.copy_(before[name].lerp(buffer, factor))

    assert state["num_skipped"] == 2
    for key, tensor in model.state_dict().items():
        assert torch.equal(tensor, state["model"][key]), key
    for index, own in optimizer.state_dict()["state"].items():
        for key, tensor in own.items():
            assert torch.equal(tensor, state["optimizer"]["state"][index][key]), (index, key)
    assert [line["loss"] for line in read_log(tmp_path / "train.jsonl")] == losses
