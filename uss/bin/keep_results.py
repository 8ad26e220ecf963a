"""Keeps the small results of a run, so that they outlive data/ and checkpoints, and can be pooled.

Reads exp/<name>/<system>/ of all systems that are evaluated, data/classes.csv, the trainings of
detector and A-MAE, data/amae_probe.json, data/anchors.json.
Writes FOLDER/ as uss/evaluation/kept_run.py says: results.csv and results_dev.csv of all systems
and the bound, provenance.json, classes.csv, configs/, train/, figure3.png. What
uss.bin.pool_results reads of a run; a few hundred kilobytes a system.

    python -m uss.bin.keep_results --name default --folder runs/fold0
"""

import logging
import shutil
from pathlib import Path

from uss.command import add_name, parser, run
from uss.evaluation.kept_run import LISTS, Measured, kept_model, measured, write_results
from uss.evaluation.results import BOUND, UNTRAINED
from uss.files import atomic, read_json
from uss.layout import AMAE, AMAE_PROBE, ANCHOR_SCORES, CLASSES, DETECTOR, EXPERIMENTS
from uss.model_store.model_config import config_digest, newest_checkpoint, read_config

logger = logging.getLogger(__name__)


def copy(source: Path, output: Path) -> None:
    with atomic(output) as temporary:
        shutil.copyfile(source, temporary)


def keep_training(directory: Path, folder: Path) -> None:
    """What there is of a model directory, without weights."""
    kept = kept_model(folder, directory.name)
    for source, output in (
        (directory / "config.yaml", kept.config),
        (directory / "train.jsonl", kept.log),
    ):
        if source.exists():
            copy(source, output)


def results_of(experiment: Path, systems: list[str], name: str) -> list[Measured]:
    """Of the systems that were measured on a list; whole, and not edited."""
    results = []
    for system in systems:
        directory = experiment / system
        if (directory / name).is_dir():
            results.append(measured(directory / name))
            if system != BOUND:
                refuse_earlier_results(directory, name, results[-1].results.facts)
    return results


def refuse_earlier_results(directory: Path, folder: str, facts: dict) -> None:
    """Raises ValueError where a model has been trained on since it was evaluated."""
    if facts["config_digest"] != config_digest(read_config(directory)):
        raise ValueError(
            f"{directory / folder} is of another training than {directory}/config.yaml; "
            f"./run.sh --stage 7 again, or remove {folder}"
        )


def main(argv: list[str] | None = None) -> None:
    arguments = add_name(parser(__doc__))
    arguments.add_argument("--folder", type=Path, required=True, help="to be written")
    options = arguments.parse_args(argv)
    experiment = EXPERIMENTS / options.name
    evaluated = {path.parent for name in LISTS for path in experiment.glob(f"*/{name}")}
    systems = [path.name for path in sorted(evaluated) if path.name not in (BOUND, UNTRAINED)]
    if not systems:
        raise ValueError(f"{experiment} has no results; ./run.sh --stage 7 first")
    for system in systems:
        newest_checkpoint(experiment / system)  # trained to its end
    results = {name: results_of(experiment, [*systems, BOUND], name) for name in LISTS}
    for directory in (DETECTOR, AMAE, *(experiment / system for system in systems)):
        keep_training(directory, options.folder)
    for path in (CLASSES, experiment / "figure3.png"):
        if path.exists():
            copy(path, options.folder / path.name)
    write_results(
        options.folder,
        {name: of_list for name, of_list in results.items() if of_list},
        read_json(AMAE_PROBE) if AMAE_PROBE.exists() else None,
        read_json(ANCHOR_SCORES) if ANCHOR_SCORES.exists() else None,
    )
    logger.info("kept %s in %s", ", ".join(systems), options.folder)


if __name__ == "__main__":
    run(main)
