"""Keeps the small results of a run, so that they outlive data/ and checkpoints, and can be pooled.

Reads exp/<name>/<system>/ of all systems that are evaluated, data/classes.csv, the trainings of
tagger and A-MAE, data/amae_probe.json.
Writes FOLDER/: <system>/{config.yaml,train.jsonl,results/,results_dev/} as the run has them (the
bound's results too), classes.csv, tagger/ and amae/ likewise, amae_probe.json, figure3.png. What
uss.bin.pool reads of a run; a few hundred kilobytes a system.

    python -m uss.bin.keep --name default --folder runs/fold0
"""

import logging
import shutil
from pathlib import Path

from uss.bin.command import add_name, parser, run
from uss.bin.evaluate import DATA
from uss.bin.networks import AMAE, TAGGER
from uss.evaluation.results import BOUND, UNTRAINED, read_system
from uss.files import atomic
from uss.training.model_config import config_digest, newest_checkpoint, read_config

FOLDERS = ("results", "results_dev")
TRAINING = ("config.yaml", "train.jsonl")

logger = logging.getLogger(__name__)


def copy(source: Path, output: Path) -> None:
    with atomic(output) as temporary:
        shutil.copyfile(source, temporary)


def keep_model(directory: Path, output: Path) -> None:
    """What there is of a model directory, without weights."""
    for name in TRAINING:
        if (directory / name).exists():
            copy(directory / name, output / name)
    for folder in FOLDERS:
        if (directory / folder).is_dir():
            facts = read_system(directory / folder).facts  # whole, and not edited
            if directory.name != BOUND:
                refuse_earlier_results(directory, folder, facts)
            shutil.rmtree(output / folder, ignore_errors=True)
            for path in sorted((directory / folder).glob("part_*")):
                copy(path, output / folder / path.name)


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
    experiment = Path("exp") / options.name
    evaluated = {path.parent for folder in FOLDERS for path in experiment.glob(f"*/{folder}")}
    systems = [path.name for path in sorted(evaluated) if path.name not in (BOUND, UNTRAINED)]
    if not systems:
        raise ValueError(f"{experiment} has no results; ./run.sh --stage 7 first")
    for system in systems:
        newest_checkpoint(experiment / system)  # trained to its end
    for name in [*systems, BOUND]:
        keep_model(experiment / name, options.folder / name)
    for directory in (TAGGER, AMAE):
        keep_model(directory, options.folder / directory.name)
    for path in (DATA / "classes.csv", DATA / "amae_probe.json", experiment / "figure3.png"):
        if path.exists():
            copy(path, options.folder / path.name)
    logger.info("kept %s in %s", ", ".join(systems), options.folder)


if __name__ == "__main__":
    run(main)
