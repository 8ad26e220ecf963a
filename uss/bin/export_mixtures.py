"""Write a list of mixtures as WAV pairs, so that other systems are evaluated on exactly these.

Reads data/mixtures/<list>.csv and the anchors it names.
Writes FOLDER/class_id=<k>/class_id=<k>,index=<iii>,{mixture,source}.wav, the layout of
bytedance/uss: float, at the anchors' own level (target untouched, energy-matched interferer), so
that nothing clips. Not part of any stage.

    python -m uss.bin.export_mixtures --list eval --folder /where/they/shall/go
"""

import logging
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from uss.audio import write_wav
from uss.command import parser, run
from uss.data.anchor_set import AnchorSet
from uss.data.dataset import Dataset
from uss.data.mixture_list import MixtureList
from uss.data.wav_pairs import pair_paths
from uss.layout import LISTS

BATCH_SIZE = 32  # decides memory, and nothing about the files

logger = logging.getLogger(__name__)


def export(mixtures: MixtureList, dataset: Dataset, folder: Path) -> None:
    import torch

    from uss.data.mixing import mix

    num_written: Counter[int] = Counter()
    for start in tqdm(range(0, len(mixtures), BATCH_SIZE), disable=None):
        rows = range(start, min(start + BATCH_SIZE, len(mixtures)))
        batch = mixtures.batch(rows)
        target, interferer = torch.from_numpy(batch.target), torch.from_numpy(batch.interferer)
        mixed = mix(target, interferer, "none").mixture.numpy()
        for row, mixture, source in zip(rows, mixed, batch.target, strict=True):
            class_id = mixtures.anchors.anchors[mixtures.target_rows[row]].class_id
            class_index = dataset.classes.index(class_id)
            pair = pair_paths(folder, class_index, num_written[class_index])
            num_written[class_index] += 1
            write_wav(pair.mixture, mixture, mixtures.anchors.sample_rate)
            write_wav(pair.source, source, mixtures.anchors.sample_rate)
    logger.info("wrote %d mixtures of %d classes", len(mixtures), len(num_written))


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--list",
        choices=LISTS,
        default="eval",
        help="of data/mixtures/",
    )
    arguments.add_argument(
        "--folder", type=Path, required=True, help="is made; may not hold any yet"
    )
    options = arguments.parse_args(argv)
    if next(options.folder.glob("class_id=*"), None):
        raise ValueError(f"{options.folder} holds mixtures already; remove them or name another")
    dataset = Dataset()
    split, anchor_set, _ = LISTS[options.list]
    anchors = AnchorSet(dataset.data / split, anchor_set)
    mixtures = MixtureList(dataset.data / "mixtures" / f"{options.list}.csv", anchors)
    export(mixtures, dataset, options.folder)


if __name__ == "__main__":
    run(main)
