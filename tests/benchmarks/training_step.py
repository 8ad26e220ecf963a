"""The parts of one training step of a system of egs/audioset, and the share of each, with cached
and with live A-MAE features.

    python -m tests.benchmarks.training_step [--system mae_frozen] [--batch-size 16] [--device cpu]

Full width: 2 s at 32 kHz, the networks of conf/systems/ and conf/amae.yaml with random weights,
which do not change the speed. Anchors and features are random too and lie in a temporary folder, so
reading is from the page cache. One step goes before those that are timed. Prints a table in
Markdown. On a CPU `mae_frozen` needs more than 17 GB for batches of 16.
"""

import argparse
import resource
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from torch.nn.functional import l1_loss

from uss.config import load
from uss.data.anchor_set import AnchorSet
from uss.data.feature_set import FeatureSet, feature_dir
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.data.packed import part_path, write_part
from uss.models.mae_resunet import build_separator
from uss.schema import Amae, SeparatorTraining, System
from uss.tables import Anchor, Mixture, write_table
from uss.training.separation_task import SeparationTask
from uss.training.trainer import prepare, update

CONF = Path(__file__).resolve().parents[2] / "egs" / "audioset" / "conf"
SAMPLE_RATE = 32000
NUM_ANCHORS, NUM_MIXTURES = 400, 256
EMBEDDING_SIZE, NUM_CLASSES = 2048, 527
FEATURES = {"mae_frozen": (32, 768), "mae_aligned": (13, 768)}  # of a mixture
NETWORK = ("forward", "backward and update")


def write_data(
    data: Path,
    sample_rate: int = SAMPLE_RATE,
    embedding_size: int = EMBEDDING_SIZE,
    features: tuple[System, tuple[int, int]] | None = None,
) -> None:
    """Anchors of 2 s, a list of their mixtures, and its features, of a shape each, for a system."""
    rng = np.random.default_rng(0)
    ids = [f"a{number:04d}" for number in range(NUM_ANCHORS)]
    anchors = [Anchor(name, name, "/m/0", 0, 1.0, name) for name in ids]
    write_table(data / "train" / "anchors.csv", anchors, Anchor)
    datasets = {
        "anchor_id": ids,
        "waveform": rng.integers(-9999, 9999, (NUM_ANCHORS, 2 * sample_rate), np.int16),
        "embedding": rng.random((NUM_ANCHORS, embedding_size), np.float32),
        "probabilities": rng.random((NUM_ANCHORS, NUM_CLASSES), np.float32),
    }
    write_part(part_path(data / "train" / "anchors", 0), datasets, sample_rate=sample_rate)
    pairs = rng.integers(NUM_ANCHORS, size=(NUM_MIXTURES, 2))
    rows = [Mixture(f"{i:08d}", ids[one], ids[other]) for i, (one, other) in enumerate(pairs)]
    write_table(data / "mixtures" / "train.csv", rows, Mixture)
    if features is not None:
        system, shape = features
        values = rng.standard_normal((NUM_MIXTURES, *shape), np.float32).astype(np.float16)
        write_part(part_path(feature_dir(data, system), 0), {"features": values})


class Clock:
    """Seconds of each part, the device's work included."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self.seconds: dict[str, float] = defaultdict(float)
        self.before = time.perf_counter()

    def part(self, name: str) -> None:
        """What was done since the last call was this."""
        if self.device.type == "cuda":
            torch.cuda.synchronize()
        now = time.perf_counter()
        self.seconds[name] += now - self.before
        self.before = now


def step(task: SeparationTask, optimizer: torch.optim.Optimizer, number: int, clock: Clock) -> None:
    """SeparationTask.loss and the trainer's update, taken apart."""
    clock.part("")
    rows = task.rows(number)
    batch = task.mixtures.batch(rows)
    features = None if task.features is None else task.features.read(rows)
    clock.part("read")
    target, interferer, query = map(
        lambda array: torch.from_numpy(array).to(task.device),
        (batch.target, batch.interferer, batch.embedding),
    )
    mixture, target, _ = mix(target, interferer, task.model.system.normalization)
    clock.part("mix")
    if features is None:
        features = task.model.amae(mixture)
    else:
        features = torch.from_numpy(features).to(task.device)
    clock.part("features")
    loss = l1_loss(task.model(mixture, query, features), target)
    clock.part("forward")
    skipped, _ = update(loss, {}, optimizer)
    assert not skipped
    clock.part("backward and update")


def measure(task: SeparationTask, num_steps: int) -> dict[str, float]:
    """Seconds a step of each part."""
    training = task.training
    _, optimizer = prepare(task, training)
    step(task, optimizer, 0, Clock(task.device))
    clock = Clock(task.device)
    for number in range(1, 1 + num_steps):
        step(task, optimizer, number, clock)
    del clock.seconds[""]
    return {name: seconds / num_steps for name, seconds in clock.seconds.items()}


def peak_bytes(device: str) -> int:
    """Of the GPU's memory, or of the process."""
    if device.startswith("cuda"):
        return torch.cuda.max_memory_allocated()
    return 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--system", choices=FEATURES, default="mae_frozen")
    parser.add_argument("--batch-size", type=int, default=16)
    parser.add_argument("--num-steps", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    system = load(CONF, f"systems/{options.system}", System, [])
    amae = load(CONF, "amae", Amae, []).model
    training = load(CONF, "train", SeparatorTraining, [f"train.batch_size={options.batch_size}"])
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder)
        write_data(data, features=(system, FEATURES[options.system]))
        mixtures = MixtureList(data / "mixtures" / "train.csv", AnchorSet(data / "train"))
        separator = build_separator(system, EMBEDDING_SIZE, SAMPLE_RATE, amae)
        for case, cache in (("cached", FeatureSet(data, system)), ("live", None)):
            device = torch.device(options.device)
            task = SeparationTask(separator, mixtures, cache, training, device)
            results[case] = measure(task, options.num_steps)
    print(f"{options.system}, batches of {options.batch_size}, {options.num_steps} steps", end=", ")
    print(f"{options.device}, {options.threads} threads, torch {torch.__version__}", end=", ")
    print(f"at most {peak_bytes(options.device) / 1e9:.1f} GB\n")
    print("| part | cached (s) | share | live (s) | share |")
    print("|---|---|---|---|---|")
    totals = {case: sum(seconds.values()) for case, seconds in results.items()}
    parts = {name: [name] for name in results["cached"]} | {"network": NETWORK, "step": None}
    for name, summed in parts.items():
        cells = []
        for case, seconds in results.items():
            value = sum(seconds[part] for part in summed or seconds)
            cells.append(f"{value:.4f} | {100 * value / totals[case]:.2f} %")
        print(f"| {name} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
