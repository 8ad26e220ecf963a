"""Table I and the class-wise table: cells first, so that Markdown and HTML show the same."""

from typing import NamedTuple

from uss.evaluation.comparison import Comparison
from uss.evaluation.results import BOUND, UNTRAINED
from uss.evaluation.statistics import OTHER, Estimate
from uss.reporting.markdown_text import escaped
from uss.reporting.record import Training

ABSENT = "–"
SUMMARIES = {"median": "median within class", "mean": "mean over recordings"}
COLUMNS = {
    "oracle_sdr": "oracle SDR",
    "oracle_sdri": "oracle SDRi",
    "average_sdr": "average SDR",
    "average_sdri": "average SDRi",
}
TRAINING = ["model", "seed", "steps", "hours", "final loss", "on development"]
DEVELOPMENT = {"dev_loss": "loss", "dev_map": "mAP"}  # keys of a training's log
LABELS = {BOUND: "ideal ratio mask (bound)", UNTRAINED: "untrained network"}


class Table(NamedTuple):
    """Cells as text. The first column holds names, the others numbers."""

    header: list[str]
    rows: list[list[str]]


def label(system: str) -> str:
    return LABELS.get(system, system)


def decibels(value: float | None) -> str:
    return ABSENT if value is None else f"{value:.2f}"


def with_interval(estimate: Estimate | None) -> str:
    if estimate is None:
        return ABSENT
    low, high = decibels(estimate.low), decibels(estimate.high)
    return f"{decibels(estimate.value)} ({low} … {high})"


def table1(comparison: Comparison, sed: Comparison | None = None) -> Table:
    """The systems in the form of the paper's Table I.

    Args:
        comparison: on the evaluation list.
        sed: on the list whose anchors come from the sound event detector.
    """
    has_gain = comparison.has_gains
    header = ["system", *COLUMNS.values()]
    header += [f"gain over {comparison.reference}"] if has_gain else []
    header.append(f"average SDRi, {SUMMARIES[OTHER[comparison.summary]]}")
    if sed:
        header.append("average SDRi, detected anchors")
    on_sed = {row.system: row.headlines.get("average_sdri") for row in sed.rows} if sed else {}
    rows = []
    for row in comparison.rows:
        cells = [label(row.system)]
        cells += [with_interval(row.headlines.get(key)) for key in COLUMNS]
        cells += [with_interval(comparison.gain(row))] if has_gain else []
        cells.append(decibels(row.others.get("average_sdri")))
        if sed:
            cells.append(with_interval(on_sed.get(row.system)))
        rows.append(cells)
    return Table(header, rows)


def gains_table(comparison: Comparison) -> Table:
    """The gain of every trained system over every other."""
    systems = comparison.trained
    rows = [
        [row.system, *(with_interval(row.gains.get(other)) for other in systems)]
        for row in comparison.rows
        if row.system in systems
    ]
    return Table(["minus", *systems], rows)


def notes(comparison: Comparison, sed: Comparison | None = None) -> list[str]:
    """The sentences below Table I."""
    rule = {
        "median": "the median over the mixtures of a class, then the mean over classes",
        "mean": "the mean over the mixtures of a recording, over recordings, then over classes",
    }[comparison.summary]
    result = [
        f"All in dB. A headline is {rule}. In parentheses: the 95 % interval of "
        f"{comparison.num_draws:,} bootstrap draws of classes and, within them, of target "
        "recordings; it speaks of recordings and classes, not of training seeds.",
    ]
    if comparison.has_gains:
        result.append(
            f"The gain is that of the average embedding's SDRi over {comparison.reference}, "
            "paired: both on the same draws."
        )
    result.append(_numbers(comparison))
    if sed:
        result.append(f"With detected anchors: {_numbers(sed)}")
    return result


def _numbers(comparison: Comparison) -> str:
    counts = [row.num_recordings for row in comparison.classes]
    text = (
        f"{len(comparison.classes)} of {comparison.num_classes} classes, "
        f"{comparison.num_recordings:,} recordings ({min(counts)} to {max(counts)} a class), "
        f"{comparison.num_mixtures:,} mixtures."
    )
    if comparison.classes_without_data:
        text += f" Classes without data: {', '.join(comparison.classes_without_data)}."
    return text


def class_table(comparison: Comparison) -> Table:
    """Class-wise SDRi with the average embedding, and the bound, best class first."""
    systems = [row.system for row in comparison.rows if "average_sdri" in row.headlines]
    has_bound = BOUND in comparison.systems
    header = ["class", "recordings", "mixtures", *map(label, systems)]
    header += [label(BOUND)] if has_bound else []
    rows = []
    leading = comparison.leading_system
    for values in sorted(comparison.classes, key=lambda row: -row.sdri["average"][leading]):
        cells = [values.name, str(values.num_recordings), str(values.num_mixtures)]
        cells += [decibels(values.sdri["average"][system]) for system in systems]
        cells += [decibels(values.sdri["oracle"][BOUND])] if has_bound else []
        rows.append(cells)
    return Table(header, rows)


def cost_table(costs: dict[str, dict]) -> Table:
    """Parameters and multiply-accumulates; `costs`: system -> the fields of models.cost.Cost."""
    (seconds,) = {cost["segment_seconds"] for cost in costs.values()}
    macs = f"multiply-accumulates for {seconds:g} s (G)"
    header = ["system", "parameters trained", "frozen", macs, "those of the A-MAE (G)"]
    rows = []
    for system, cost in costs.items():
        total = cost["network_macs"] + cost["amae_macs"]
        numbers = [f"{cost['num_trained']:,}", f"{cost['num_frozen']:,}", giga(total)]
        rows.append([system, *numbers, giga(cost["amae_macs"]) if cost["amae_macs"] else ABSENT])
    return Table(header, rows)


def training_cells(training: Training) -> list[str]:
    """Of the columns TRAINING."""
    development = [f"{DEVELOPMENT[key]} {value:.3f}" for key, value in training.development.items()]
    return [
        training.model,
        str(training.seed),
        f"{training.steps:,}",
        f"{training.hours:.2f}",
        f"{training.final_loss:.5f}",
        ", ".join(development) or ABSENT,
    ]


def giga(number: int) -> str:
    """In units of 10^9, with four digits that tell."""
    return f"{number / 1e9:#.4g}"


def markdown(table: Table) -> str:
    """A pipe table."""
    lines = [[escaped(text) for text in line] for line in [table.header, *table.rows]]
    lines.insert(1, ["---", *["---:"] * (len(table.header) - 1)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
