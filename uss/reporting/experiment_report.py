"""The report of an experiment: what it reads, what it writes, and in which order."""

import logging
import shutil
from pathlib import Path

from uss.config import to_dict
from uss.evaluation.comparison import Comparison, compare
from uss.evaluation.results import BOUND, UNTRAINED, Scores, SystemResults, read_system
from uss.evaluation.units import mixture_lists
from uss.files import (
    Step,
    atomic,
    digest,
    digest_of_files,
    read_json,
    size_of,
    write_json,
    write_text,
)
from uss.labels import Classes
from uss.layout import AMAE, AMAE_PROBE, ANCHOR_SCORES, CLASSES, DETECTOR, MEASURED, NOTES
from uss.reporting.example_signals import example_signals, write_examples
from uss.reporting.record import Record, read_training
from uss.reporting.results_markdown import comparison_markdown, results_markdown, table1_markdown
from uss.reporting.results_table import system_lines
from uss.schema import Evaluate
from uss.tables import Result, write_table

IMPORTED = "results_imported"  # on others' mixtures: a table of their own
DEV = "results_dev"
MAIN = "results"  # on the evaluation list; other folders are extra columns
PICTURES = ["figure2.pdf", "figure2.png", "figure3.pdf", "figure3.png"]
PUBLISHED = ["RESULTS.md", "results.json", "figure2.png", "figure2.csv", "figure3.png"]
WRITTEN = [*PUBLISHED[1:], "table1.md", "figure2.pdf", "figure3.pdf", "index.html"]

logger = logging.getLogger(__name__)


def result_folders(experiment: Path, systems: list[str], folder: str) -> list[Path]:
    """Those of the systems asked for, and of the pseudo-systems that were evaluated."""
    pseudo = [name for name in (UNTRAINED, BOUND) if (experiment / name / folder).is_dir()]
    return [experiment / name / folder for name in [*systems, *pseudo]]


def model_directories(experiment: Path, systems: list[str]) -> list[Path]:
    """Whatever the recipe may have trained."""
    return [DETECTOR, AMAE, *(experiment / system for system in systems)]


def final_step(experiment: Path, systems: list[str], config: Evaluate, command: str) -> Step:
    """The step of RESULTS.md, finished when all is written, with all that the report reads."""
    inputs: dict[str, Path | str | None] = {"classes": CLASSES}
    for name, mixtures in mixture_lists(config).items():
        inputs[str(mixtures)] = mixtures
        for path in result_folders(experiment, systems, MEASURED[name]):
            inputs[str(path)] = digest_of_files(sorted(path.glob("part_*")))  # with their records
    optional = [ANCHOR_SCORES, AMAE_PROBE, NOTES]
    for directory in model_directories(experiment, systems):
        optional += [directory / "config.yaml", directory / "train.jsonl"]
    inputs |= {str(path): path if path.exists() else None for path in optional}
    return Step(experiment / "RESULTS.md", inputs, {**to_dict(config), "command": command})


def files_beside(experiment: Path, systems: list[str], config: Evaluate) -> list[Path]:
    """All that is written beside RESULTS.md, whether it is there or not: the page shows it."""
    folders = [MEASURED[name] for name in mixture_lists(config)]
    names = WRITTEN + [f"{folder}.csv" for folder in folders]
    names += ["table1_imported.md"] if IMPORTED in folders else []
    shown = [path.parent.name for path in result_folders(experiment, systems, MAIN)]
    signals = example_signals(experiment, shown)
    pictures = [path.with_suffix(".png") for path in signals]
    return [*(experiment / name for name in names), *signals, *pictures]


def lost_loss_curves(experiment: Path, systems: list[str]) -> list[Path]:
    """Pictures of stage 5 that the page shows, and that are drawn again for it."""
    paths = [experiment / system / "loss.png" for system in systems]
    return [p for p in paths if p.with_name("train.jsonl").exists() and not size_of(p)]


def compare_on_list(
    results: list[SystemResults], mixtures: Path, classes: Classes, config: Evaluate
) -> tuple[Scores, Comparison]:
    """Raises ValueError where the results cannot be compared, or are of another list."""
    scores = Scores(results)
    if scores.list_digest != digest(mixtures):
        raise ValueError(f"{mixtures} has changed since the evaluation; ./run.sh --stage 7")
    return scores, compare(scores, classes, config)


def write_dev_table(
    experiment: Path, systems: list[str], classes: Classes, config: Evaluate
) -> None:
    """table1_dev.md: all that a development list is asked for."""
    (mixtures,) = mixture_lists(config).values()
    results = [read_system(path) for path in result_folders(experiment, systems, DEV)]
    _, comparison = compare_on_list(results, mixtures, classes, config)
    write_text(experiment / "table1_dev.md", comparison_markdown(comparison))
    log_systems(experiment / "table1_dev.md", comparison)


def log_systems(table: Path, comparison: Comparison) -> None:
    """What was written, and the headlines in it."""
    logger.info("wrote %s", table)
    for line in system_lines(comparison):
        logger.info("%s", line)


def make_record(
    experiment: Path, systems: list[str], classes: Classes, config: Evaluate, command: str
) -> tuple[Record, Scores]:
    """Compare the systems, on each list, and gather what else the report says.

    Returns:
        The record, and the scores on the evaluation list.

    Raises:
        ValueError: results that are incomplete or cannot be compared.
    """
    scores, facts, comparisons = {}, {}, {}
    for name, mixtures in mixture_lists(config).items():
        folder = MEASURED[name]
        results = [read_system(path) for path in result_folders(experiment, systems, folder)]
        scores[folder], comparisons[folder] = compare_on_list(results, mixtures, classes, config)
        facts[folder] = {result.system: result.facts for result in results}
        rows = [row for result in results for row in result.results]
        write_table(experiment / f"{folder}.csv", rows, Result)
    if IMPORTED in comparisons:
        table = experiment / "table1_imported.md"
        write_text(table, comparison_markdown(comparisons[IMPORTED]))
        log_systems(table, comparisons[IMPORTED])
    trainings = [
        read_training(
            directory.name, directory / "config.yaml", directory / "train.jsonl", comparisons[MAIN]
        )
        for directory in model_directories(experiment, systems)
    ]
    record = Record(
        recipe=Path.cwd().name,
        name=experiment.name,
        command=command,
        notes=NOTES.read_text(encoding="utf-8") if NOTES.exists() else "",
        comparison=comparisons[MAIN],
        sed=comparisons.get("results_sed"),
        facts=facts[MAIN],
        trainings=[training for training in trainings if training],
        anchors=read_json(ANCHOR_SCORES) if ANCHOR_SCORES.exists() else {},
        probe=read_json(AMAE_PROBE) if AMAE_PROBE.exists() else None,
    )
    return record, scores[MAIN]


def write_report(
    experiment: Path,
    record: Record,
    scores: Scores,
    classes: Classes,
    config: Evaluate,
    evaluated: list[str],
) -> None:
    """Tables first, then examples, pictures and page.

    Args:
        evaluated: the systems in the order of their evaluation.

    Raises:
        ValueError: a class or a mixture of evaluate.yaml that is not there.
    """
    from uss.model_store.loss_curve import loss_curve
    from uss.reporting.chosen_examples import choose_examples, ranked, read_example
    from uss.reporting.drawing import Drawing
    from uss.reporting.figure2 import figure2, figure2_classes
    from uss.reporting.figure3 import figure3, spectrogram_images
    from uss.reporting.page import example_cards, write_page

    comparison = record.comparison
    shown_classes = figure2_classes(comparison, classes, config)
    chosen = choose_examples(scores, comparison, config.figure3_mixtures)
    write_json(experiment / "results.json", record.to_dict())
    write_text(experiment / "table1.md", table1_markdown(record))
    log_systems(experiment / "table1.md", comparison)
    write_text(experiment / "RESULTS.md", results_markdown(record, classes))

    logs = {system: experiment / system / "train.jsonl" for system in comparison.trained}
    trained_here = [system for system, log in logs.items() if log.exists()]
    with Drawing(2 + len(chosen) + len(trained_here)) as drawing:
        drawing.start(figure2, comparison, shown_classes, experiment / "figure2")
        write_examples(experiment, config, chosen, evaluated, comparison.systems)
        heard = {name: read_example(experiment, name, comparison.systems) for name in chosen}
        cards = example_cards(list(heard.values()), chosen, scores, comparison)
        titles = {card.mixture_id: card.title for card in cards}
        median = ranked(scores.of(comparison.leading_system, "average", "sdri"), 0.5)
        shown = [heard[mixture_id] for mixture_id in config.figure3_mixtures or [median]]
        drawing.start(figure3, shown, comparison.trained, titles, experiment / "figure3")
        for mixture_id, example in heard.items():
            drawing.start(spectrogram_images, example, experiment / "examples" / mixture_id)
        for system in trained_here:
            if not size_of(experiment / system / "loss.png"):  # stage 5 could not draw it
                drawing.start(loss_curve, logs[system], experiment / system / "loss.png")

    loss_curves = {system: f"{system}/loss.png" for system in trained_here}
    write_page(record, cards, loss_curves, experiment / "index.html")


def publish(experiment: Path, recipe: Path) -> None:
    """Copy what is there; a picture that could not be drawn goes, since it would show others."""
    for name in PUBLISHED:
        if name in PICTURES and not (experiment / name).is_file():
            (recipe / name).unlink(missing_ok=True)
            logger.warning("%s has no %s to copy", experiment, name)
            continue
        with atomic(recipe / name) as temporary:
            shutil.copyfile(experiment / name, temporary)
    logger.info("copied %s to %s", ", ".join(PUBLISHED), recipe.resolve())
