"""Take WAV pairs as an evaluation list, so that this recipe's systems are evaluated on them.

Reads FOLDER/class_id=<k>/class_id=<k>,index=<iii>,{mixture,source}.wav (layout of bytedance/uss,
what export_mixtures writes), the query encoder (conf/pretrained.yaml, else data/detector/);
conf/anchors.yaml, conf/evaluate.yaml.
Writes data/eval/imported_anchors/part_0000.h5 (each source, and what its mixture adds to it, as
float32 at its level there), data/eval/imported_anchors.csv and data/mixtures/eval_imported.csv.
Stage 7 then evaluates that list too: exp/<name>/results_imported.csv. Import before the first
stage 7 or run it again.

Nothing says from which recording a source was taken: each counts as a recording of its own.

    python -m uss.bin.import_mixtures --folder /where/they/are
"""

import logging
from pathlib import Path

import numpy as np
from tqdm import tqdm

from uss.command import parser, run
from uss.config import load
from uss.data.anchor_packing import embedded
from uss.data.anchor_set import AT_MIXTURE_LEVEL, AnchorSet
from uss.data.dataset import Dataset
from uss.data.packed import part_path, write_part
from uss.data.wav_pairs import WavPair, list_pairs, read_pair
from uss.files import Step, digest_of_stats
from uss.labels import Classes
from uss.model_store import networks
from uss.schema import Anchors, Evaluate, Pretrained
from uss.shards import parts
from uss.tables import Anchor, Mixture, write_table

UNKNOWN = ""  # class of an interferer

logger = logging.getLogger(__name__)


def rows_of(pair: WavPair, classes: Classes) -> tuple[Mixture, Anchor, Anchor]:
    """The mixture, its target and its interferer."""
    name = f"{pair.class_index:03d}_{pair.index:03d}"
    class_id = classes.ids[pair.class_index]
    target = Anchor(f"{name}:source", name, class_id, 0, 1.0, name)
    interferer = Anchor(f"{name}:rest", name, UNKNOWN, 0, 1.0, name)
    return Mixture(name, target.anchor_id, interferer.anchor_id), target, interferer


def pack(pairs: list[WavPair], ids: list[str], like: AnchorSet, encoder, size: int, path: Path):
    """Write one part: source, rest, source, rest, ... with the encoder's output of each."""
    waveforms = np.empty((2 * len(pairs), like.num_samples), np.float32)
    for number, pair in enumerate(tqdm(pairs, desc=str(path), disable=None, leave=False)):
        signals = read_pair(pair, like.sample_rate, like.num_samples)
        waveforms[2 * number : 2 * number + 2] = signals
    datasets: dict[str, np.ndarray | list[str]] = {
        "anchor_id": ids,
        "waveform": waveforms,
        **embedded(waveforms, encoder, size),
    }
    attributes = {"sample_rate": like.sample_rate, AT_MIXTURE_LEVEL: True}
    write_part(path, datasets, **attributes)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--folder", type=Path, required=True, help="holds class_id=<k>/")
    options = arguments.parse_args(argv)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    batch_size = load(options.conf, "anchors", Anchors, options.overrides).batch_size
    part_size = load(options.conf, "evaluate", Evaluate, options.overrides).mixtures_per_part
    dataset = Dataset()
    split_dir = dataset.data / "eval"
    like = AnchorSet(split_dir)
    query_encoder = networks.panns_digest(pretrained, "query_encoder")
    pairs = list_pairs(options.folder, len(dataset.classes))
    rows = [rows_of(pair, dataset.classes) for pair in pairs]
    paths, encoder = [], None
    for number, part in enumerate(parts(len(pairs), part_size)):
        here = pairs[part.start : part.stop]
        files = [path for pair in here for path in (pair.mixture, pair.source)]
        inputs = {"audio": digest_of_stats(files), "query_encoder": query_encoder}
        path = part_path(split_dir / "imported_anchors", number)
        paths.append(path)
        settings = {"num_samples": like.num_samples, "sample_rate": like.sample_rate}
        step = Step(path, inputs, settings)
        if not step.is_current():
            encoder = encoder or networks.load_query_encoder(pretrained, like.sample_rate)
            ids = [a.anchor_id for row in rows[part.start : part.stop] for a in row[1:]]
            pack(here, ids, like, encoder, batch_size, path)
            step.finish()
    for stale in set(paths[0].parent.glob("part_*.h5")) - set(paths):
        stale.unlink()
    anchors = [anchor for row in rows for anchor in row[1:]]
    write_table(split_dir / "imported_anchors.csv", anchors, Anchor)
    mixtures = [row[0] for row in rows]
    write_table(dataset.data / "mixtures" / "eval_imported.csv", mixtures, Mixture)
    logger.info("%s: %d mixtures", dataset.data / "mixtures" / "eval_imported.csv", len(mixtures))


if __name__ == "__main__":
    run(main)
