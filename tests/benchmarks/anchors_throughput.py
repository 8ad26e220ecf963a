"""Throughput of stage 2's search and embedding at full width, as a share of the networks' own.

    python -m tests.benchmarks.anchors_throughput [--num-clips 200] [--threads 2]

10 s clips at 32 kHz of a synthetic AudioSet in a temporary folder, Cnn14 and
Cnn14_DecisionLevelMax at their published widths with random weights, batches of
conf/anchors.yaml. The networks' own time is that of their forward passes within the same run.
Prints one line.
"""

import argparse
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from tests.helpers.audioset_synthetic import make_ids, make_rows, waveform
from uss.audio import to_int16
from uss.config import load
from uss.data.anchor_finding import LabelledClips, detected_anchors
from uss.data.anchor_packing import pack
from uss.data.packed import part_path, write_part
from uss.data.waveforms import WaveformSet
from uss.distributed import device
from uss.labels import audioset_classes
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax
from uss.models.published import PANNS, SAMPLE_RATE
from uss.schema import Anchors

CONF = Path(__file__).resolve().parents[2] / "egs" / "audioset" / "conf"


class Timed:
    """A network whose forward passes are timed."""

    def __init__(self, network: torch.nn.Module) -> None:
        self.network = network
        self.seconds = 0.0

    def __getattr__(self, name: str):
        return getattr(self.network, name)

    def __call__(self, batch: torch.Tensor):
        start = time.perf_counter()
        output = self.network(batch)
        if batch.is_cuda:
            torch.cuda.synchronize()
        self.seconds += time.perf_counter() - start
        return output


def write_clips(split_dir: Path, num_clips: int) -> LabelledClips:
    """Stage 1's part of one split, and what the tables say of it."""
    classes, rng = audioset_classes(), np.random.default_rng(0)
    rows = make_rows(make_ids(num_clips, rng), classes, rng)
    signals = np.stack([waveform(row, classes, SAMPLE_RATE, 10.0) for row in rows])
    datasets = {
        "audio_name": [row.clip_id for row in rows],
        "waveform": to_int16(signals.clip(-1, 1)),
        "target": np.stack([classes.multi_hot(" ".join(row.labels)) for row in rows]),
    }
    write_part(part_path(split_dir / "waveforms", 0), datasets, sample_rate=SAMPLE_RATE)
    groups = {(row.clip_id, label): row.clip_id for row in rows for label in row.labels}
    seconds = dict.fromkeys((row.clip_id for row in rows), 10.0)
    return LabelledClips(WaveformSet(split_dir), classes.ids, groups, seconds)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-clips", type=int, default=200)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    config = load(CONF, "anchors", Anchors, [])
    detector = Timed(Cnn14DecisionLevelMax(PANNS).eval().to(device()))
    encoder = Timed(Cnn14(PANNS).eval().to(device()))
    with tempfile.TemporaryDirectory() as folder:
        split = Path(folder)
        labelled = write_clips(split, options.num_clips)
        start = time.perf_counter()
        clips = labelled.clips
        found = detected_anchors(range(len(clips)), labelled, detector, config)
        pack(found, clips, encoder, config, split / "anchors" / "part_0000.h5")
        seconds = time.perf_counter() - start
    own = detector.seconds + encoder.seconds
    print(
        f"{options.num_clips} clips, {len(found)} anchors, {device()}, {options.threads} threads: "
        f"{seconds:.1f} s, {options.num_clips / seconds:.2f} clips a second; detector "
        f"{detector.seconds:.1f} s, query encoder {encoder.seconds:.1f} s, together "
        f"{100 * own / seconds:.1f} % of the time"
    )


if __name__ == "__main__":
    main()
