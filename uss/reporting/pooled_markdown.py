"""RESULTS.md of several runs: the pooled table, and what each training alone gives."""

from dataclasses import asdict, dataclass
from urllib.parse import quote

from uss.evaluation.comparison import PAIRED, Comparison
from uss.evaluation.results import SystemResults
from uss.evaluation.statistics import Estimate, Spread, spread
from uss.reporting.markdown_text import code_block, escaped, in_code
from uss.reporting.record import Training
from uss.reporting.results_markdown import (
    CLASSES_SHOW,
    FINAL_LOSS,
    HIT,
    MADE_BY,
    comparison_markdown,
    probe_sections,
    rates,
)
from uss.reporting.results_table import (
    ABSENT,
    NAMES,
    TRAINING,
    Table,
    class_table,
    cost_table,
    decibels,
    gains_table,
    markdown,
    percent,
    training_cells,
    with_interval,
)


@dataclass
class Run:
    """One training of each of some systems, on one list.

    Attributes:
        name: of its folder.
        results: of each system, the bound last.
        comparison: of this run alone.
        trainings: of detector, A-MAE and systems.
        probe: amae_probe.json, where the recipe has an A-MAE.
        anchors: anchors.json, where the recipe knows true times and the run was kept with it.
        figure3: where it lies, from RESULTS.md on; None if the run has none.
    """

    name: str
    results: list[SystemResults]
    comparison: Comparison
    trainings: list[Training]
    probe: dict | None
    anchors: dict | None
    figure3: str | None


@dataclass
class Pooled:
    """All that the report of several runs states.

    Attributes:
        facts: system -> of its pooled results.
        over_trainings: metric -> system -> its gain, with an interval over trainings and recordings
            where all runs are on one list.
    """

    recipe: str
    command: str
    notes: str
    comparison: Comparison
    facts: dict[str, dict]
    over_trainings: dict[str, dict[str, Estimate]]
    runs: list[Run]

    def spreads(self, metric: str) -> dict[str, Spread]:
        """System -> of its gain over the runs, where there are several."""
        gains: dict[str, list[float]] = {}
        for run in self.runs:
            for row in run.comparison.rows:
                gain = run.comparison.gain(row, metric)
                if row.system in self.comparison.trained and gain:
                    gains.setdefault(row.system, []).append(gain.value)
        return {system: spread(values) for system, values in gains.items() if len(values) > 1}

    def to_dict(self) -> dict:
        """For results.json."""
        content = asdict(self)
        content["spreads"] = {
            metric: {name: asdict(found) for name, found in self.spreads(metric).items()}
            for metric in PAIRED
        }
        for run in content["runs"]:
            run["lists"] = {r.system: r.facts for r in map(SystemResults._make, run.pop("results"))}
        return content


def pooled_markdown(pooled: Pooled) -> str:
    comparison = pooled.comparison
    names = ", ".join(escaped(run.name) for run in pooled.runs)
    sections = [
        f"# Results of {escaped(pooled.recipe)}",
        pooled.notes,
        f"Written by `uss.bin.pool_results` from {names}; do not edit.",
        "## Systems, pooled over the runs",
        comparison_markdown(comparison),
        "Runs on one list are averaged mixture by mixture; runs on different lists are folds, "
        "which share no recording and stand side by side.",
        "![Class-wise SDRi](figure2.png)",
        *_gains(comparison),
        *_spectrograms(pooled.runs),
        *_each_training(pooled),
        *_other_systems(pooled),
        "## Classes",
        CLASSES_SHOW,
        markdown(class_table(comparison)),
        *_anchors(pooled),
        *probe_sections({run.name: run.probe for run in pooled.runs if run.probe}),
        "## Networks",
        markdown(cost_table({name: pooled.facts[name]["cost"] for name in comparison.trained})),
        "## Training",
        markdown(models_table(pooled)),
        FINAL_LOSS,
        *_provenance(pooled),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def pooled_dev_markdown(pooled: Pooled) -> str:
    """Of the development list: Table I, and how far the trainings differ."""
    sections = [comparison_markdown(pooled.comparison), *_each_training(pooled)]
    return "\n\n".join(section.strip() for section in sections) + "\n"


def _each_training(pooled: Pooled) -> list[str]:
    return [
        "## Each training",
        "SDRi in dB with the average embedding, and its paired gain, of single trainings.",
        markdown(trainings_table(pooled, "sdri")),
        "Their SI-SDR in dB.",
        markdown(trainings_table(pooled, "si_sdr")),
        "The share of mixtures whose SI-SDR is below 0 dB.",
        markdown(below_zero_table(pooled)),
        *_spread(pooled),
    ]


def _gains(comparison: Comparison) -> list[str]:
    """Of two systems Table I says it all."""
    if len(comparison.trained) < 3:
        return []
    return [
        "## Gains of all systems over one another",
        "SDRi in dB with the average embedding, the row's system minus the column's, paired.",
        markdown(gains_table(comparison, "sdri")),
        "SI-SDR in dB.",
        markdown(gains_table(comparison, "si_sdr")),
    ]


def _spectrograms(runs: list[Run]) -> list[str]:
    """Figure 3 of the first run that has one."""
    for run in runs:
        if run.figure3:
            return [f"![Spectrograms, {escaped(run.name)}]({quote(run.figure3)})"]
    return []


def trainings_table(pooled: Pooled, metric: str) -> Table:
    """What each training gives, a row a run, two columns a system."""
    systems, reference = pooled.comparison.trained, pooled.comparison.reference
    header = ["run"]
    for system in systems:
        header += [system] + ([f"{system}: gain"] if system != reference else [])
    rows = []
    for run in pooled.runs:
        by_name = {row.system: row for row in run.comparison.rows}
        cells = [run.name]
        for system in systems:
            cells.append(decibels(by_name[system].headlines[f"average_{metric}"].value))
            if system != reference:
                cells.append(with_interval(run.comparison.gain(by_name[system], metric)))
        rows.append(cells)
    return Table(header, rows)


def below_zero_table(pooled: Pooled) -> Table:
    """A row a run, a column a system."""
    systems = pooled.comparison.trained
    rows = []
    for run in pooled.runs:
        shares = {row.system: row.below_zero for row in run.comparison.rows}
        rows.append([run.name, *(percent(shares[system]["average"]) for system in systems)])
    return Table(["run", *systems], rows)


def _spread(pooled: Pooled) -> list[str]:
    """How far trainings differ, of which the intervals over recordings say nothing."""
    header = ["gain of", "trainings", "mean", "standard deviation", "95 % interval"]
    both = any(pooled.over_trainings.values())
    header += ["over trainings and recordings"] if both else []
    rows = []
    for metric in PAIRED:
        for system, found in pooled.spreads(metric).items():
            cells = [f"{system}, {NAMES[metric]}", str(found.num_trainings), decibels(found.mean)]
            cells += [decibels(found.deviation), f"{decibels(found.low)} … {decibels(found.high)}"]
            cells += [with_interval(pooled.over_trainings[metric][system])] if both else []
            rows.append(cells)
    if not rows:
        return []
    sections = [
        "The same gains as draws of one distribution: their standard deviation is that of single "
        "trainings (the runs' recordings are in it too), the interval that of the mean over many "
        "trainings (Student's t).",
        markdown(Table(header, rows)),
    ]
    if both:
        sections.append(
            "Over trainings and recordings: each draw of a bootstrap of classes and recordings is "
            "met by a draw of Student's distribution of the mean over trainings, a run's systems "
            "together. What is said of a system in general is said with this interval."
        )
    return sections


def _other_systems(pooled: Pooled) -> list[str]:
    """Tables of the runs that hold more systems than all have."""
    sections = []
    for run in pooled.runs:
        if set(run.comparison.trained) > set(pooled.comparison.trained):
            sections += [
                f"## All systems of {escaped(run.name)}, one training each",
                comparison_markdown(run.comparison),
            ]
    return sections


def _anchors(pooled: Pooled) -> list[str]:
    """Of each run and split, all classes together."""
    rows = [
        [f"{run.name}, {split}", *rates(score)]
        for run in pooled.runs
        for split, score in (run.anchors or {}).items()
    ]
    if not rows:
        return []
    table = Table(["run and split", "anchors", "hit", "random anchors hit"], rows)
    return ["## Anchors", HIT, markdown(table)]


def models_table(pooled: Pooled) -> Table:
    rows = [
        [run.name, *training_cells(training)] for run in pooled.runs for training in run.trainings
    ]
    return Table(["run", *TRAINING], rows)


def _provenance(pooled: Pooled) -> list[str]:
    lists = [[run.name, run.comparison.list_digest] for run in pooled.runs]
    rows = []
    for run in pooled.runs:
        for result in run.results:
            facts = result.facts
            cells = [facts["seed"], facts["config_digest"], facts["training_commit"]]
            shown = [ABSENT if cell is None else str(cell) for cell in cells]
            rows.append([run.name, result.system, *shown, str(facts["commit"])])
    return [
        "## How to make them again",
        f"In {in_code(f'egs/{pooled.recipe}')}, from the kept runs:",
        code_block(pooled.command),
        f"The bootstrap has seed {pooled.comparison.seed}. Digests are SHA-256.",
        markdown(Table(["run", "evaluation list"], lists)),
        markdown(Table(["run", *MADE_BY], rows)),
    ]
