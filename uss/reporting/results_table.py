"""The tables of a report: cells first, so that Markdown and HTML show the same."""

from typing import NamedTuple

from uss.evaluation.comparison import Comparison
from uss.evaluation.results import BOUND, UNTRAINED
from uss.evaluation.statistics import OTHER, Estimate
from uss.reporting.markdown_text import escaped
from uss.reporting.record import Training

ABSENT = "–"
SUMMARIES = {"median": "median within class", "mean": "mean over recordings"}
NAMES = {"sdr": "SDR", "sdri": "SDRi", "si_sdr": "SI-SDR"}
BELOW_ZERO = "SI-SDR below 0 dB"
AVERAGE = "Average embedding of the target's class"
ORACLE = "Oracle: embedding of the target itself"
DETECTED = "Average embedding, detected anchors"
TRAINING = ["model", "seed", "steps", "hours", "final loss", "on development"]
DEVELOPMENT = {  # keys of a training's log
    "dev_loss": "loss {:.3f}",
    "dev_map": "mAP {:.3f}",
    "dev_sdri": "SDRi {:.2f} dB",
    "dev_si_sdr": "SI-SDR {:.2f} dB",
}
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


def percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def system_tables(comparison: Comparison, sed: Comparison | None = None) -> dict[str, Table]:
    """What the paper's Table I holds, with the SI-SDR: heading -> table of an embedding.

    Args:
        comparison: on the evaluation list.
        sed: on the list whose anchors come from the sound event detector.
    """
    tables = {
        AVERAGE: _average_table(comparison),
        ORACLE: _embedding_table(comparison, "oracle"),
    }
    if sed:
        tables[DETECTED] = _embedding_table(sed, "average")
    return tables


def _average_table(comparison: Comparison) -> Table:
    """What a user has, so with the gains and the other summary."""
    reference = comparison.reference if comparison.has_gains else None
    header = ["system", "SDR", "SDRi", f"SDRi, {SUMMARIES[OTHER[comparison.summary]]}"]
    header += [f"SDRi: gain over {reference}"] if reference else []
    header += ["SI-SDR"] + ([f"SI-SDR: gain over {reference}"] if reference else [])
    header.append(BELOW_ZERO)
    rows = []
    for row in comparison.rows:
        if "average" not in row.below_zero:
            continue
        sdr, sdri, si_sdr = (with_interval(row.headlines[f"average_{name}"]) for name in NAMES)
        cells = [label(row.system), sdr, sdri, decibels(row.others["average_sdri"])]
        cells += [with_interval(comparison.gain(row))] if reference else []
        cells.append(si_sdr)
        cells += [with_interval(comparison.gain(row, "si_sdr"))] if reference else []
        rows.append([*cells, percent(row.below_zero["average"])])
    return Table(header, rows)


def _embedding_table(comparison: Comparison, embedding: str) -> Table:
    rows = []
    for row in comparison.rows:
        if embedding in row.below_zero:
            found = [with_interval(row.headlines[f"{embedding}_{name}"]) for name in NAMES]
            rows.append([label(row.system), *found, percent(row.below_zero[embedding])])
    return Table(["system", *NAMES.values(), BELOW_ZERO], rows)


def system_lines(comparison: Comparison) -> list[str]:
    """Each system's headlines in one line, for a log."""
    return [
        f"{label(row.system)}: "
        + "; ".join(
            f"{embedding} SDRi {decibels(row.headlines[f'{embedding}_sdri'].value)} dB, "
            f"SI-SDR {decibels(row.headlines[f'{embedding}_si_sdr'].value)} dB, "
            f"{percent(share)} of mixtures below 0"
            for embedding, share in row.below_zero.items()
        )
        for row in comparison.rows
    ]


def gains_table(comparison: Comparison, metric: str) -> Table:
    """The gain of every trained system over every other."""
    systems = comparison.trained
    rows = [
        [row.system, *(with_interval(row.gains[metric].get(other)) for other in systems)]
        for row in comparison.rows
        if row.system in systems
    ]
    return Table(["minus", *systems], rows)


def notes(comparison: Comparison, sed: Comparison | None = None) -> list[str]:
    """The sentences below the tables of the systems."""
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
            f"A gain is that over {comparison.reference} with the average embedding, paired: both "
            "on the same draws."
        )
    result.append(
        f"{BELOW_ZERO}: the share of mixtures, in the mean over the mixtures of a recording, over "
        "recordings, then over classes. Where target and interferer have equal energy, a constant "
        "mask of one half has 3 dB SDRi and 0 dB SI-SDR."
    )
    result.append(_numbers(comparison))
    if sed:
        result.append(f"With detected anchors: {_numbers(sed)}")
    return result


def _numbers(comparison: Comparison) -> str:
    counts = [row.num_recordings for row in comparison.classes]
    least, most = min(counts), max(counts)
    each = f"{least}" if least == most else f"{least} to {most}"
    text = (
        f"{len(comparison.classes)} of {comparison.num_classes} classes, "
        f"{comparison.num_recordings:,} recordings ({each} a class), "
        f"{comparison.num_mixtures:,} mixtures."
    )
    if comparison.classes_without_data:
        text += f" Classes without data: {', '.join(comparison.classes_without_data)}."
    return text


def class_table(comparison: Comparison) -> Table:
    """Class-wise SDRi / SI-SDR with the average embedding, and the bound, best class first."""
    systems = [row.system for row in comparison.rows if "average_sdri" in row.headlines]
    has_bound = BOUND in comparison.systems
    header = ["class", "recordings", "mixtures", *map(label, systems)]
    header += [label(BOUND)] if has_bound else []
    rows = []
    leading = comparison.leading_system
    for values in sorted(comparison.classes, key=lambda row: -row.sdri["average"][leading]):
        cells = [values.name, str(values.num_recordings), str(values.num_mixtures)]
        shown = [("average", system) for system in systems]
        for embedding, system in shown + [("oracle", BOUND)] * has_bound:
            sdri, si_sdr = values.sdri[embedding][system], values.si_sdr[embedding][system]
            cells.append(f"{decibels(sdri)} / {decibels(si_sdr)}")
        rows.append(cells)
    return Table(header, rows)


def cost_table(costs: dict[str, dict]) -> Table:
    """Parameters and multiply-accumulates; `costs`: system -> the fields of models.cost.Cost."""
    # Rounded: an adopted model has another rate.
    (seconds,) = {round(cost["segment_seconds"], 3) for cost in costs.values()}
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
    development = [DEVELOPMENT[key].format(value) for key, value in training.development.items()]
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
