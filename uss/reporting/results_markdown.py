"""RESULTS.md: the tables, and all that it takes to make them again."""

from uss.evaluation.comparison import Comparison
from uss.labels import Classes
from uss.reporting.markdown_text import code_block, escaped, in_code
from uss.reporting.record import Record
from uss.reporting.results_table import (
    ABSENT,
    TRAINING,
    Table,
    class_table,
    cost_table,
    decibels,
    markdown,
    notes,
    percent,
    system_tables,
    training_cells,
)

FINAL_LOSS = (
    "The final loss is the mean over the last 20th of the training's log. On development: the "
    "A-MAE's loss on audio that is held out, the detector's mean average precision."
)
CLASSES_SHOW = "SDRi / SI-SDR in dB with the average embedding."
HIT = (
    "An anchor hits if it shares at least half of min(its length, the event's) with a true "
    "event of its class."
)
MADE_BY = ["system", "seed", "digest of its configuration", "trained at commit", "evaluated at"]


def table1_markdown(record: Record) -> str:
    return comparison_markdown(record.comparison, record.sed)


def comparison_markdown(comparison: Comparison, sed: Comparison | None = None) -> str:
    """The tables of the systems and the sentences below them."""
    parts = []
    for heading, table in system_tables(comparison, sed).items():
        parts += [f"**{escaped(heading)}**", markdown(table).strip()]
    return "\n\n".join([*parts, *map(escaped, notes(comparison, sed))]) + "\n"


def results_markdown(record: Record, classes: Classes) -> str:
    sections = [
        f"# Results of {escaped(record.recipe)}, {escaped(record.name)}",
        "Written by stage 7; do not edit. The page `index.html` in "
        f"{in_code(f'exp/{record.name}')} has the same numbers and sounds.",
        record.notes.strip(),
        "## Systems",
        table1_markdown(record),
        *_adopted(record),
        _cross_check(record),
        "![Class-wise SDRi](figure2.png)",
        "![Spectrograms](figure3.png)",
        "## Classes",
        CLASSES_SHOW,
        markdown(class_table(record.comparison)),
        *_anchors(record, classes),
        *probe_sections({record.name: record.probe} if record.probe else {}),
        *_networks(record),
        *_trainings(record),
        *_provenance(record),
    ]
    return "\n\n".join(section.strip() for section in sections if section) + "\n"


def _anchors(record: Record, classes: Classes) -> list[str]:
    if not record.anchors:
        return []
    splits = list(record.anchors)
    rows = [["all", *(cell for split in splits for cell in rates(record.anchors[split]))]]
    for class_id, name in zip(classes.ids, classes.names, strict=True):
        of_class = [record.anchors[split]["classes"].get(class_id) for split in splits]
        if any(of_class):
            rows.append([name, *(cell for score in of_class for cell in rates(score))])
    header = ["class"]
    for split in splits:
        header += [f"{split}: anchors", f"{split}: hit", f"{split}: random anchors hit"]
    return ["## Anchors", HIT, markdown(Table(header, rows))]


def rates(score: dict | None) -> list[str]:
    """Number of anchors, their hit rate, that of random ones; `score` of anchors.json."""
    if score is None:
        return [ABSENT] * 3
    hits = [percent(score[key]) for key in ("hit_rate", "random_hit_rate")]
    return [str(score["num_anchors"]), *hits]


def probe_sections(probes: dict[str, dict]) -> list[str]:
    """Run -> amae_probe.json."""
    if not probes:
        return []
    first = next(iter(probes.values()))
    kinds = list(first["accuracy"])
    rows = [
        [name, *(f"{100 * probe['accuracy'][kind]:.0f} %" for kind in kinds)]
        for name, probe in probes.items()
    ]
    return [
        "## What the A-MAE's features tell",
        f"Accuracy, in the mean over {first['num_classes']} classes, of a linear classifier that "
        "is trained on the training anchors and tried on the development anchors.",
        markdown(Table(["run", *kinds], rows)),
    ]


def costs_table(record: Record) -> Table:
    """Parameters and multiply-accumulates of the systems."""
    trained = record.comparison.trained
    return cost_table({system: record.facts[system]["cost"] for system in trained})


def trainings_table(record: Record) -> Table:
    rows = [
        [
            *training_cells(training),
            decibels(training.average_sdri),
            decibels(training.average_si_sdr),
        ]
        for training in record.trainings
    ]
    return Table([*TRAINING, "average SDRi", "average SI-SDR"], rows)


def _adopted(record: Record) -> list[str]:
    origins = {system: facts.get("adopted") for system, facts in record.facts.items()}
    return [
        f"{in_code(system)} was adopted from {in_code(origin['from'])}. It separates at "
        f"{origin['sample_rate']} Hz with embeddings of its own PANNs: mixtures are resampled for "
        "it, and what it gives is resampled back and measured as all others."
        for system, origin in origins.items()
        if origin
    ]


def _networks(record: Record) -> list[str]:
    text = (
        "Counted are convolutions, linear layers and attention of one segment. Features that are "
        "cached cost the A-MAE's part once instead of in every step of the training."
    )
    return ["## Networks", markdown(costs_table(record)), text]


def _trainings(record: Record) -> list[str]:
    if not record.trainings:
        return []
    text = f"{FINAL_LOSS} SDRi and SI-SDR are what this one training gives."
    return ["## Training", markdown(trainings_table(record)), text]


def _cross_check(record: Record) -> str:
    """museval beside our SDR, in one sentence."""
    checks = [facts["museval"] for facts in record.facts.values()]
    num, largest = sum(c["num"] for c in checks), max(c["max_difference"] for c in checks)
    if num == 0:
        return "No mixture was measured with museval too."
    return (
        f"museval's BSS Eval v4, with one window as long as the signal, measured {num} of these "
        f"separated signals too; its SDR and ours differ by at most {largest:.1g} dB."
    )


def _provenance(record: Record) -> list[str]:
    lists = [["evaluation", record.comparison.list_digest]]
    if record.sed:
        lists.append(["evaluation, detected anchors", record.sed.list_digest])
    made_by = [
        [
            system,
            ABSENT if facts["seed"] is None else str(facts["seed"]),
            str(facts["config_digest"] or ABSENT),
            str(facts["training_commit"] or ABSENT),
            str(facts["commit"]),
        ]
        for system, facts in record.facts.items()
    ]
    return [
        "## How to make them again",
        f"In {in_code(f'egs/{record.recipe}')}:",
        code_block(record.command),
        f"The bootstrap has seed {record.comparison.seed}. Digests are SHA-256.",
        markdown(Table(["list", "digest"], lists)),
        markdown(Table(MADE_BY, made_by)),
    ]
