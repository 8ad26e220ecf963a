"""What training reads from disk, and nothing else: batches of the training list.

    cd egs/audioset; python -m tests.benchmarks.training_reader --num-batches 500

Run it after stage 3. Prints mixtures a second; `audioset_stages` measures its memory.
"""

import argparse
import time
from pathlib import Path

import numpy as np

from uss.data.anchor_set import AnchorSet
from uss.data.mixture_list import MixtureList


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--num-batches", type=int, default=500)
    parser.add_argument("--batch-size", type=int, default=16)
    options = parser.parse_args()
    mixtures = MixtureList("data/mixtures/train.csv", AnchorSet(Path("data/train")))
    start = time.perf_counter()
    for number in range(options.num_batches):
        first = number * options.batch_size
        mixtures.batch(np.arange(first, first + options.batch_size) % len(mixtures))
    seconds = time.perf_counter() - start
    num = options.num_batches * options.batch_size
    print(f"{len(mixtures.anchors)} anchors, {num / seconds:.0f} mixtures a second")


if __name__ == "__main__":
    main()
