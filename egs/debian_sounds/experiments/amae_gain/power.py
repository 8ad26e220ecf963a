"""How wide the interval of a paired gain will be, by simulation from development results.

Reads exp/<name>/<system>/results_dev/ of two systems (stage 7 with evaluate.split dev) and
data/extracted.csv; conf/evaluate.yaml. Splits the variance of the gain into that between classes,
between recordings of a class and between mixtures of a recording, draws gains with these variances
for several sizes of an evaluation, and prints the mean half-width of their bootstrap intervals.

    python -m egs.debian_sounds.experiments.amae_gain.power --name default --system mae_aligned
"""

import logging
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss.command import add_name, parser, run
from uss.config import load
from uss.evaluation.results import Scores, read_system
from uss.evaluation.statistics import Strata, bootstrap, estimate
from uss.layout import EXPERIMENTS
from uss.schema import Evaluate
from uss.tables import read_table

from ...local.data_config import Data
from ...local.recordings import Recording
from ...local.splits import DEV, divide

MIXTURES = (1, 2, 4, 8, 16)  # of a recording
NUM_REPEATS = 20
NUM_DRAWS = 500
PURPOSE = 107  # of a generator: default_rng([seed, purpose, ...])

logger = logging.getLogger("power")


class Variances(NamedTuple):
    """Of the gain, in dB squared."""

    classes: float
    recordings: float
    mixtures: float


def variances(gains: np.ndarray, strata: Strata) -> Variances:
    """By the expected mean squares of a nested design (classes, recordings, mixtures).

    gains: (M,) in dB.
    """
    of_mixtures, of_recordings, class_means = [], [], []
    per_recording, per_class = [], []  # reciprocal numbers
    for c in range(len(strata.class_ids)):
        rows = strata.rows(c)
        recording = strata.recording_index[rows]
        groups = [gains[rows[recording == r]] for r in range(strata.num_recordings[c])]
        means = [group.mean() for group in groups]
        of_mixtures += [group.var(ddof=1) for group in groups if len(group) > 1]
        of_recordings += [np.var(means, ddof=1)] if len(means) > 1 else []
        class_means.append(np.mean(means))
        per_recording += [1 / len(group) for group in groups]
        per_class.append(1 / len(groups))
    mixtures = float(np.mean(of_mixtures))
    of_mean = mixtures * float(np.mean(per_recording))
    recordings = max(0.0, float(np.mean(of_recordings)) - of_mean)
    noise = (recordings + of_mean) * float(np.mean(per_class))
    return Variances(max(0.0, float(np.var(class_means, ddof=1)) - noise), recordings, mixtures)


def half_width(
    parts: Variances, num_recordings: list[int], num_mixtures: int, rng: np.random.Generator
) -> float:
    """Mean over simulated evaluations of half the length of the interval, in dB.

    num_recordings: of each class.
    """
    widths = []
    for _ in range(NUM_REPEATS):
        class_ids, groups, gains = [], [], []
        for c, num in enumerate(num_recordings):
            of_class = rng.normal(0, parts.classes**0.5)
            for r in range(num):
                of_recording = of_class + rng.normal(0, parts.recordings**0.5)
                gains += list(of_recording + rng.normal(0, parts.mixtures**0.5, num_mixtures))
                class_ids += [str(c)] * num_mixtures
                groups += [f"{c}_{r}"] * num_mixtures
        strata = Strata(class_ids, groups)
        draws = bootstrap(np.array([gains]), strata, "mean", NUM_DRAWS, rng)[:, 0]
        interval = estimate(0.0, draws)
        widths.append((interval.high - interval.low) / 2)
    return float(np.mean(widths))


def evaluated_recordings(data: Data) -> tuple[list[int], list[int]]:
    """Recordings (groups) of each class that fold data.fold evaluates, and all folds together."""
    rows = read_table(Path("data/extracted.csv"), Recording)
    part_of = divide(rows, data)
    groups = {(row.audioset_label, row.group) for row in rows}
    one = Counter(label for label, group in groups if part_of[group] == str(data.fold))
    every = Counter(label for label, group in groups if part_of[group] != DEV)
    return [one[label] for label in sorted(every)], [every[label] for label in sorted(every)]


def main(argv: list[str] | None = None) -> None:
    arguments = add_name(parser(__doc__))
    arguments.add_argument("--system", required=True, help="compared with evaluate.reference")
    options = arguments.parse_args(argv)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    data = load(options.conf, "data", Data, options.overrides)
    if config.reference is None:
        raise ValueError(
            f"{options.conf / 'evaluate.yaml'}: reference is null: name a system there"
        )
    experiment = EXPERIMENTS / options.name
    scores = Scores(
        [
            read_system(experiment / name / "results_dev")
            for name in (config.reference, options.system)
        ]
    )
    sdri = scores.values["sdri"]
    ours = scores.column(options.system, "average")
    reference = scores.column(config.reference, "average")
    gains = sdri[ours] - sdri[reference]
    parts = variances(gains, scores.strata)
    logger.info(
        "gain of %s on development mixtures: mean %.2f dB; standard deviation between classes "
        "%.2f, recordings %.2f, mixtures %.2f dB",
        options.system,
        gains.mean(),
        *(part**0.5 for part in parts),
    )
    one_fold, all_folds = evaluated_recordings(data)
    print("| mixtures a recording | one fold | all folds |\n| ---: | ---: | ---: |")
    for row, num_mixtures in enumerate(MIXTURES):
        rng = np.random.default_rng([config.seed, PURPOSE, row])
        one = half_width(parts, one_fold, num_mixtures, rng)
        every = half_width(parts, all_folds, num_mixtures, rng)
        print(f"| {num_mixtures} | {one:.2f} | {every:.2f} |")


if __name__ == "__main__":
    run(main)
