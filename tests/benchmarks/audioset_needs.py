"""What AudioSet at full size takes, by stage, from what `audioset_stages` measured.

    python -m tests.benchmarks.audioset_needs SMALL/measured.json FULL_WIDTH/measured.json

Stages 2 and 4 are taken from the run at full width, the others from the run with more clips. CPU
hours and disk are measured, for each item, times the number of items; a stage's start-up counts as
if every item had its share. GPU hours are not measured: the operations of the networks, counted
while they run, at an assumed rate. Prints a table in Markdown.
"""

import argparse
import json
from collections.abc import Callable
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from tests.benchmarks.audioset_stages import CONF
from uss.config import load
from uss.models.audio_mae import AudioMaeEncoder
from uss.models.features import AmaeFeatures
from uss.models.mae_resunet import build_separator
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.models.published import AUDIO_MAE, PANNS, SAMPLE_RATE
from uss.schema import Mixtures, System, Training

NUM_CLIPS = 39000
ANCHORS_PER_CLIP = 2.386  # labels of a clip in AudioSet's balanced list
ASSUMED_FLOPS = 30e12  # operations a second of a GPU
SYSTEMS = ("resunet_joint", "mae_frozen", "mae_updated", "mae_aligned")
EMBEDDING_SIZE = 2048


def operations(run: Callable[[], object]) -> float:
    """Of matrix products and convolutions; an addition and a multiplication are two."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def gpu_hours(num_operations: float) -> str:
    return f"{num_operations / ASSUMED_FLOPS / 3600:.2g}"


def system(name: str) -> System:
    return load(CONF, f"systems/{name}", System, [])


def features(name: str) -> AmaeFeatures:
    return AmaeFeatures(AudioMaeEncoder(AUDIO_MAE), system(name).amae, SAMPLE_RATE).eval()


def anchors_operations() -> float:
    """Of stage 2, a clip."""
    clip, anchor = torch.randn(1, 10 * SAMPLE_RATE), torch.randn(1, 2 * SAMPLE_RATE)
    with torch.no_grad():
        detector, encoder = Cnn14DecisionLevelMax(PANNS).eval(), Cnn14(PANNS).eval()
        in_anchors = operations(lambda: encoder(anchor))
        return operations(lambda: detector(clip)) + ANCHORS_PER_CLIP * in_anchors


def training_operations(name: str) -> float:
    """Of stage 5, a mixture: forward and backward."""
    separator = build_separator(system(name), EMBEDDING_SIZE, SAMPLE_RATE, AUDIO_MAE)
    mixture, query = torch.randn(1, 2 * SAMPLE_RATE), torch.randn(1, EMBEDDING_SIZE)
    cached = None
    if separator.amae is not None and not separator.amae.updated:
        cached = separator.amae(mixture)
    return operations(lambda: separator(mixture, query, cached).square().mean().backward())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("measured", type=Path, nargs="+")
    runs = [json.loads(path.read_text()) for path in parser.parse_args().measured]
    (full,) = [run["stages"] for run in runs if run["full_width"]]
    most = max((run["stages"] for run in runs), key=lambda stages: stages["1 resample"]["items"])
    num_train = load(CONF, "mixtures", Mixtures, []).num_train
    training = load(CONF, "train", Training, [])
    num_seen = training.steps * training.batch_size

    def row(name: str, result: dict, num: float, gpu: str = "") -> None:
        scale = num / result["items"]
        hours, gigabytes = result["cpu_seconds"] * scale / 3600, result["bytes"] * scale / 1e9
        print(f"| {name} | {gigabytes:.2g} | {hours:.2g} | {gpu} |")

    mixture = torch.randn(1, 2 * SAMPLE_RATE)
    paper = operations(lambda: features("mae_frozen")(mixture)) * num_train
    aligned = operations(lambda: features("mae_aligned")(mixture)) * num_train
    anchors = anchors_operations() * NUM_CLIPS
    print("| stage | disk (GB) | CPU hours | GPU hours, computed |\n|---|---|---|---|")
    row("0, tables", most["0 data, names"], NUM_CLIPS)
    row("1", most["1 resample"], NUM_CLIPS)
    row("2", full["2 anchors"], NUM_CLIPS, gpu_hours(anchors))
    row("3", most["3 mixtures"], most["3 mixtures"]["items"])
    name = f"4, `paper`, {num_train:,} mixtures"
    row(name, full["4 A-MAE features"], num_train, gpu_hours(paper))
    print(f"| 4, `aligned`, the same | | | {gpu_hours(aligned)} |")
    for name in SYSTEMS:
        hours = gpu_hours(training_operations(name) * num_seen)
        print(f"| 5, `{name}`, {training.steps:,} steps | | | {hours} |")


if __name__ == "__main__":
    main()
