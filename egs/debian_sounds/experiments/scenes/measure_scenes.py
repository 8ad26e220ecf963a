"""How `uss separate` does on recordings of a minute, at several rates, and what --auto finds.

Reads data/ (stages 0 to 3), the directories of systems after stages 6 and 7. Makes scenes out of
evaluation recordings (scenes.py) in data/scenes/, separates them, and writes
experiments/scenes/README.md.

    python -m egs.debian_sounds.experiments.scenes.measure_scenes \
        --models exp/default/resunet_joint exp/default/mae_aligned
"""

import logging
from collections import defaultdict
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from uss.audio import decode, resample, write_wav
from uss.command import parser, run
from uss.config import load
from uss.data.anchor_set import AnchorSet
from uss.data.dataset import Dataset
from uss.data.mixing import mix
from uss.data.mixture_list import MixtureList
from uss.evaluation.metrics import sdr
from uss.evaluation.results import read_system
from uss.files import code_version, write_text
from uss.reporting.results_table import ABSENT, Table, markdown
from uss.separation.detection import detect
from uss.separation.file_separation import Job, separate_file
from uss.separation.model import Model, Query
from uss.separation.queries import example_query
from uss.tables import read_table

from ...local.data_config import Data
from ...local.recordings import Recording
from ...local.splits import split_recordings
from .scenes import CLASSES, EVENTS, RATE, SECONDS, Scene, make_scenes

DATA, SCENES = Path("data"), Path("data/scenes")
RATES = (8000, 16000, 32000, 44100, 48000)
NUM_EXAMPLES = 5  # training recordings of a class, for the query by example
THRESHOLDS = (0.1, 0.2, 0.3, 0.5, 0.7)  # of --auto
NUM_CHECKED_EACH = 1  # evaluation mixtures of each class that go through `uss separate`

logger = logging.getLogger("measure_scenes")


def decibels(reference: np.ndarray, estimate: np.ndarray) -> float:
    return float(sdr(torch.from_numpy(reference), torch.from_numpy(estimate)))


def check_mixtures(model: Model) -> tuple[int, float]:
    """Evaluation mixtures as files through `uss separate`, against stage 7's results.

    Returns:
        their number, and the largest difference of SDR in dB.
    """
    anchors = AnchorSet(DATA / "eval")
    mixtures = MixtureList(DATA / "mixtures" / "eval.csv", anchors)
    results = read_system(model.directory / "results").results
    expected = {row.mixture_id: row for row in results if row.embedding == "average"}
    num_of_class: dict[str, int] = defaultdict(int)
    differences = []
    for row, mixture in enumerate(mixtures.mixtures):
        class_id = expected[mixture.mixture_id].class_id
        num_of_class[class_id] += 1
        if num_of_class[class_id] > NUM_CHECKED_EACH:
            continue
        batch = mixtures.batch([row])
        tensors = (torch.from_numpy(batch.target), torch.from_numpy(batch.interferer))
        mixed = mix(*tensors, "none").mixture[0].numpy()
        path = SCENES / "mixtures" / f"{mixture.mixture_id}.wav"
        write_wav(path, mixed, anchors.sample_rate)
        (separated,) = separate(model, path, [model.class_query(class_id)]).values()
        found = decibels(batch.target[0], separated)
        differences.append(abs(found - expected[mixture.mixture_id].sdr))
    return len(differences), max(differences)


def separate(model: Model, path: Path, queries: list[Query]) -> dict[str, np.ndarray]:
    """Query's name -> (samples,), as `uss separate` writes it."""
    folder = path.with_suffix("") / model.directory.name
    job = Job(path, folder, queries, residual=False)
    separate_file(model, job, show_progress=False)
    return {name: decode(output)[0][0] for name, output in job.outputs().items()}


def examples(recordings: list[Recording], names: list[str], model: Model) -> dict[str, Query]:
    """A query of each class from training recordings, of different groups as far as there are."""
    queries = {}
    for name in names:
        of_class = [row for row in recordings if row.audioset_label == name]
        by_group = sorted(of_class, key=lambda row: (groups_before(of_class, row), row.group))
        embeddings = []
        for row in by_group[:NUM_EXAMPLES]:
            try:
                embeddings.append(example_query(model, Path(row.file)).values)
            except ValueError as error:  # silent or too short
                logger.info("%s", error)
        queries[name] = Query(name, np.mean(embeddings, axis=0), {"kind": "examples"})
    return queries


def groups_before(rows: list[Recording], row: Recording) -> int:
    """How many recordings of the same group stand before this one."""
    return sum(other.group == row.group for other in rows[: rows.index(row)])


def improvements(
    model: Model, scenes: list[Scene], rate: int, queries: dict[str, Query]
) -> dict[str, list[float]]:
    """Class -> SDRi in dB over each whole scene that holds it."""
    result = defaultdict(list)
    for number, scene in enumerate(tqdm(scenes, desc=f"{rate} Hz", disable=None, leave=False)):
        mixture = resample(scene.mixture, RATE, rate)
        path = SCENES / f"{rate}" / f"{number:03d}.wav"
        write_wav(path, mixture, rate)
        separated = separate(model, path, [queries[name] for name in scene.sources])
        for name, source in scene.sources.items():
            source = resample(source, RATE, rate)
            gain = decibels(source, separated[name]) - decibels(source, mixture)
            result[name].append(gain)
    return result


def over_classes(of_class: dict[str, list[float]]) -> float:
    return float(np.mean([np.mean(values) for values in of_class.values()]))


def detection(model: Model, scenes: list[Scene]) -> Table:
    """Precision and recall of the classes that --auto finds in a scene, by its threshold."""
    truth = [set(scene.sources) for scene in scenes]
    heard = []
    for number in range(len(scenes)):
        path = SCENES / f"{RATE}" / f"{number:03d}.wav"
        heard.append(detect(model, path, min(THRESHOLDS)))
    rows = []
    for threshold in THRESHOLDS:
        found = [{h.name for h in line if h.probability >= threshold} for line in heard]
        num_right = sum(len(f & t) for f, t in zip(found, truth, strict=True))
        num_found, num_true = sum(map(len, found)), sum(map(len, truth))
        precision = f"{100 * num_right / num_found:.0f} %" if num_found else ABSENT
        rows.append(
            [f"{threshold:g}", f"{num_found / len(scenes):.1f}", precision]
            + [f"{100 * num_right / num_true:.0f} %"]
        )
    return Table(["threshold", "classes found in a scene", "precision", "recall"], rows)


def rows_of_model(
    model: Model, scenes: list[Scene], train: list[Recording]
) -> tuple[list[list[str]], dict[str, list[float]]]:
    """Rows of the table of rates, and class -> SDRi at the scenes' rate."""
    names = sorted({name for scene in scenes for name in scene.sources})
    by_class = {name: model.class_query(name) for name in names}
    rows = []
    for rate in RATES:
        at_rate = improvements(model, scenes, rate, by_class)
        rows.append([model.directory.name, f"{rate:,}", "class", "overlapping"])
        rows[-1].append(f"{over_classes(at_rate):.2f}")
    by_example = examples(train, names, model)
    example = over_classes(improvements(model, scenes, RATE, by_example))
    rows.append([model.directory.name, f"{RATE:,}", "examples", "overlapping", f"{example:.2f}"])
    if model.loaded.separator.amae is None:  # an A-MAE takes ten seconds at most
        window = model.num_samples
        model.num_samples = SECONDS * model.sample_rate
        one = over_classes(improvements(model, scenes, RATE, by_class))
        model.num_samples = window
        rows.append([model.directory.name, f"{RATE:,}", "class", "one of 60 s", f"{one:.2f}"])
    return rows, at_rate


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--models", type=Path, nargs="+", required=True, help="system directories"
    )
    arguments.add_argument("--num-scenes", type=int, default=14)
    options = arguments.parse_args(argv)
    config = load(options.conf, "data", Data, options.overrides)
    recordings = read_table(DATA / "extracted.csv", Recording)
    side = split_recordings(recordings, config)
    of_split = defaultdict(list)
    for row in recordings:
        of_split[side[row.group]].append(row)
    dataset = Dataset(DATA)
    name_of = dict(zip(dataset.classes.ids, dataset.classes.names, strict=True))
    forbidden = {
        frozenset((name_of[one], name_of[other]))
        for one, others in dataset.forbidden().items()
        for other in others
    }
    scenes = list(make_scenes(of_split["eval"], forbidden, options.num_scenes, config))

    rows, checks = [], []
    class_rows: dict[str, dict[str, str]] = defaultdict(dict)
    for directory in options.models:
        model = Model(directory)
        num, difference = check_mixtures(model)
        checks.append(f"{directory.name}: {num} mixtures, at most {difference:.4f} dB")
        of_rates, of_class = rows_of_model(model, scenes, of_split["train"])
        rows += of_rates
        for name, values in of_class.items():
            class_rows[name][directory.name] = f"{np.mean(values):.2f}"
    names = [directory.name for directory in options.models]
    text = [
        "# Scenes of a minute",
        f"Written by `measure_scenes.py` at {code_version()}; do not edit. {len(scenes)} "
        f"scenes of {SECONDS} s out of evaluation recordings: {CLASSES} classes with {EVENTS} "
        "events each, which overlap as they fall. SDRi in dB over whole scenes, the mean over a "
        "class's scenes, then over "
        f"{len(class_rows)} classes. The systems work at {model.sample_rate:,} Hz: what a "
        "recording has above half of that is left in the rest.",
        markdown(Table(["system", "rate (Hz)", "query", "window", "SDRi"], rows)),
        "Evaluation mixtures of 2 s as files through `uss separate` against stage 7's SDR: "
        + "; ".join(checks)
        + ".",
        "## Classes, at the highest rate, by class query",
        markdown(
            Table(
                ["class", *names],
                [[n, *(class_rows[n].get(s, ABSENT) for s in names)] for n in sorted(class_rows)],
            )
        ),
        "## What --auto finds",
        "Of the classes of a scene, by the threshold on the detector's probability.",
        markdown(detection(model, scenes)),
    ]
    write_text(
        Path(__file__).with_name("README.md"), "\n\n".join(part.strip() for part in text) + "\n"
    )


if __name__ == "__main__":
    run(main)
