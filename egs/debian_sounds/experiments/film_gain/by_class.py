"""The gain of a system by class, and against the number of recordings that it was trained on.

Reads folders that uss.bin.keep_results wrote, of trainings on one list; data/train/events.csv, for
the groups of recordings of each class in training; conf/evaluate.yaml, whose `reference` the gain
is over, and whose `split` names the list. Prints a Markdown table, the largest gain of SI-SDR
first, and Spearman's rank correlation of the gain with the number of groups; draws the one against
the other. A bar is the standard deviation of the trainings.

    python experiments/film_gain/by_class.py --runs experiments/film_gain/runs/pair* \
        --system mae_film --output experiments/film_gain/by_class.png
"""

from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import spearmanr

from uss import plotting
from uss.command import parser, run
from uss.config import load
from uss.evaluation.kept_run import read_results
from uss.evaluation.results import Scores
from uss.evaluation.statistics import class_values
from uss.labels import Classes, read_classes
from uss.layout import DATA, MEASURED
from uss.reporting.results_table import Table, decibels, markdown
from uss.schema import Evaluate
from uss.tables import Event, read_table

PANELS = {"sdri": "gain of SDRi (dB)", "si_sdr": "gain of SI-SDR (dB)"}
TICKS = (2, 3, 5, 10, 20)  # groups


class ClassGain(NamedTuple):
    """Of one class; gains: metric -> (runs,) dB."""

    name: str
    num_groups: int
    num_recordings: int
    gains: dict[str, np.ndarray]


def training_groups() -> dict[str, int]:
    """class_id -> how many groups of recordings its training events are from."""
    groups = defaultdict(set)
    for event in read_table(DATA / "train" / "events.csv", Event):
        groups[event.class_id].add(event.group)
    return {class_id: len(found) for class_id, found in groups.items()}


def class_gains(
    runs: list[Path], system: str, config: Evaluate, groups: dict[str, int], classes: Classes
) -> list[ClassGain]:
    """Raises ValueError where a run has not both systems, or another list than the first."""
    if config.reference is None:
        raise ValueError("evaluate.yaml: reference is null: name a system there")
    folder = MEASURED[config.split]
    scores = []
    for kept in runs:
        wanted = [r for r in read_results(kept, folder) if r.system in (config.reference, system)]
        if len(wanted) != 2:
            raise ValueError(f"{kept} has no {folder} of {config.reference} and {system}")
        scores.append(Scores(wanted))
    if len({of_run.list_digest for of_run in scores}) > 1:
        raise ValueError("the runs were measured on different lists")
    strata = scores[0].strata
    gains = {}
    for metric in PANELS:
        paired = np.stack(
            [
                s.values[metric][s.column(system, "average")]
                - s.values[metric][s.column(config.reference, "average")]
                for s in scores
            ]
        )
        gains[metric] = class_values(paired, strata, config.summary)
    return [
        ClassGain(
            classes.names[classes.index(class_id)],
            groups[class_id],
            int(strata.num_recordings[c]),
            {metric: values[:, c] for metric, values in gains.items()},
        )
        for c, class_id in enumerate(strata.class_ids)
    ]


def draw(rows: list[ClassGain], output: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.4), layout="constrained")
    numbers = [row.num_groups for row in rows]
    axes = figure.subplots(1, len(PANELS))
    for (metric, title), ax in zip(PANELS.items(), axes, strict=True):
        means = [row.gains[metric].mean() for row in rows]
        bars = [row.gains[metric].std(ddof=1) if len(row.gains[metric]) > 1 else 0 for row in rows]
        ax.errorbar(numbers, means, yerr=bars, fmt="o", color="black", ecolor="0.7", markersize=3)
        ax.axhline(0, color="0.5", linewidth=0.8)
        ax.set_xscale("log")
        ax.set_xticks(TICKS, [str(tick) for tick in TICKS])
        ax.minorticks_off()
        ax.set_xlabel("groups of recordings in training")
        ax.set_ylabel(title)
        ax.grid(color="0.9", linewidth=0.5)
    plotting.save(figure, output, dpi=120)


def table(rows: list[ClassGain]) -> Table:
    header = ["class", "groups in training", "recordings evaluated"]
    header += [f"{title}, mean and deviation of the trainings" for title in PANELS.values()]
    cells = []
    for row in sorted(rows, key=lambda row: -row.gains["si_sdr"].mean()):
        shown = [
            f"{decibels(values.mean())} ± {decibels(values.std(ddof=1))}"
            if len(values) > 1
            else decibels(values.mean())
            for values in row.gains.values()
        ]
        cells.append([row.name, str(row.num_groups), str(row.num_recordings), *shown])
    return Table(header, cells)


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--runs", type=Path, nargs="+", required=True)
    arguments.add_argument("--system", required=True)
    arguments.add_argument("--output", type=Path, required=True, help="the picture")
    options = arguments.parse_args(argv)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    classes = read_classes(options.runs[0] / "classes.csv")
    rows = class_gains(options.runs, options.system, config, training_groups(), classes)
    print(markdown(table(rows)), end="")
    numbers = [row.num_groups for row in rows]
    for metric, title in PANELS.items():
        found = spearmanr(numbers, [row.gains[metric].mean() for row in rows])
        print(f"\n{title}: rank correlation with the groups {found.statistic:.2f}", end="")
        print(f" (p {found.pvalue:.2f})")
    plotting.draw([options.output], lambda: draw(rows, options.output))


if __name__ == "__main__":
    run(main)
