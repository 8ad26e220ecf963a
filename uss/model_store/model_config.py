"""A model directory without its weights: config.yaml, and how far the training has come.

    config.yaml               what the model is, how it is trained, on what
    checkpoints/step_*.pt     the newest two
    train.jsonl, loss.png

A model that was trained elsewhere (uss.bin.import_uss) has in config.yaml the name of its file as
`imported`, the file's digest as its only input, and no training: seed null, 0 steps.

Nothing here imports torch, so that a finished training is skipped at once.
"""

import dataclasses
import logging
import re
from pathlib import Path
from typing import Any

import yaml

from uss.checksums import damage
from uss.config import to_dict
from uss.distributed import rank
from uss.files import changes, code_version, digest_of, read_json, write_text
from uss.layout import ADOPTED, TRAINING_STAGES, stage_that_trains
from uss.model_store.config_file import read_config_file, required
from uss.schema import Detector, SeparatorTraining, System

LAST_STEPS = {  # keys of `training` that count from its end, and what they change
    "decay_steps": "another learning rate",
    "fixed_statistics_steps": "other statistics in their BatchNorms",
}
# Keys of `training` that change no weight of the steps that are done (steps may grow, and the
# training goes on, unless its last steps have begun).
FREE_KEYS = ("steps", *LAST_STEPS, "log_steps", "dev_steps", "save_minutes")

CHECKPOINT_NAME = re.compile(r"step_(\d{8,15})\.pt")

DETECTOR_DEFAULTS = {
    field.name: field.default
    for field in dataclasses.fields(Detector)
    if field.default is not dataclasses.MISSING
}

logger = logging.getLogger(__name__)


def needs_training(directory: Path, config: dict) -> bool:
    """Whether a directory's training has steps to go; logs the reason either way.

    Args:
        directory: of the model.
        config: `kind`, the model's settings, `training` (schema.Training or SeparatorTraining) and
            `inputs` (name -> digest), as config.yaml will hold them.

    Raises:
        ValueError: the directory holds a training with other settings or inputs, or an imported
            model with other settings.
    """
    imported = imported_from(directory)
    if imported is not None:
        before = with_defaults({"system": _required(directory, "system")})
        changed = changes(before["system"], config["system"])
        if changed:
            raise ValueError(
                f"{directory} was imported from {imported} with other settings: "
                f"{', '.join(changed)}; restore them, or choose another --name"
            )
        logger.info("skip %s: imported from %s, nothing to train", directory, imported)
        return False
    steps = config["training"]["steps"]
    if not checkpoints(directory):
        logger.info("run %s: no checkpoint yet", directory)
        return True
    steps_before = _required(directory, "training", "steps")
    before = read_config(directory)
    before.pop("facts")
    changed = changes(_compared(before), _compared(config))
    if steps < steps_before:
        changed.append(f"training.steps ({steps_before} -> {steps})")
    done = steps_done(directory)
    for key, what in LAST_STEPS.items():
        old, new = (
            training["steps"] - training.get(key, 0)
            for training in (before["training"], config["training"])
        )
        if old != new and done > min(old, new):
            changed.append(
                f"training.steps - training.{key} ({old} -> {new}: of the {done} steps that are "
                f"done, some would have had {what})"
            )
    if changed:
        remedy = "" if directory in TRAINING_STAGES else "choose another --name, or "
        raise ValueError(
            f"{directory} was trained with other settings or inputs: {', '.join(changed)}; restore "
            f"them, {remedy}remove the directory and train again (only training.steps may grow)"
        )
    if done < steps:
        logger.info("run %s: %d of %d steps are done", directory, done, steps)
        return True
    logger.info("skip %s: all %d steps are done, with these settings and inputs", directory, steps)
    return False


def _compared(config: dict) -> dict:
    config = with_defaults(config)
    training = {key: value for key, value in config["training"].items() if key not in FREE_KEYS}
    return {**config, "training": training}


def with_defaults(config: dict) -> dict:
    """A model's configuration with the default of each key of `system`, `training` and, of a
    detector, of its task that it lacks: a key that came later changes no model from before."""
    defaults = {"system": to_dict(System()), "training": to_dict(SeparatorTraining(steps=1))}
    if config.get("kind") == "detector":
        config = {**DETECTOR_DEFAULTS, **config}
    return {
        **config,
        **{key: _filled(defaults[key], config[key]) for key in defaults.keys() & config},
    }


def _filled(defaults: dict, content: dict) -> dict:
    """`content` with what it lacks of nested dictionaries."""
    result = {**defaults, **content}
    for key, inner in defaults.items():
        if isinstance(inner, dict) and isinstance(result[key], dict):
            result[key] = _filled(inner, result[key])
    return result


def write_config(directory: Path, config: dict, **facts: object) -> None:
    """Write config.yaml. `facts` are what the inputs determine, needed to build the model.

    Of several processes that train together the first one writes it.
    """
    if rank() != 0:
        return
    content = {**config, "facts": {**facts, "code": code_version()}}
    write_text(directory / "config.yaml", yaml.safe_dump(content, sort_keys=False))


def read_config(directory: Path) -> dict:
    """Raises ValueError where there is none, or a broken one."""
    return read_config_file(Path(directory) / "config.yaml")


def _required(directory: Path, *keys: str) -> Any:
    return required(read_config(directory), Path(directory) / "config.yaml", *keys)


def config_digest(config: dict) -> str:
    """SHA-256 of settings and inputs: what results say they were made with."""
    return digest_of({key: value for key, value in config.items() if key != "facts"})


def imported_from(directory: Path) -> str | None:
    """Name of the file that the model was imported from; None for one that is trained here."""
    if not (Path(directory) / "config.yaml").exists():
        return None
    return read_config(directory).get("imported")


def checkpoints(directory: Path) -> list[tuple[int, Path]]:
    """(steps done, file) of each checkpoint, the newest last."""
    paths = (Path(directory) / "checkpoints").glob("step_*.pt")
    named = ((CHECKPOINT_NAME.fullmatch(path.name), path) for path in paths)
    return sorted((int(match[1]), path) for match, path in named if match and path.is_file())


def steps_done(directory: Path) -> int:
    """Of the newest checkpoint that is whole: a training goes on from there."""
    newest_first = reversed(checkpoints(directory))
    return next((step for step, path in newest_first if damage(path) is None), 0)


def is_finished(directory: Path) -> bool:
    """Whether a training has been run to its end; its newest checkpoint may be damaged."""
    found = checkpoints(directory)
    return bool(found) and found[-1][0] >= _required(directory, "training", "steps")


def newest_checkpoint(directory: Path) -> Path:
    """The last checkpoint of a finished training; its digest stands for the model.

    Only a training that goes on may take an older one: results would silently be another model's.

    Raises:
        ValueError: there is none, the training has not been run to its end, or the checksums in
            the file do not hold.
    """
    found = checkpoints(directory)
    if not found:
        raise ValueError(f"{directory} holds no trained model; {remedy(directory)}")
    if not is_finished(directory):
        steps = _required(directory, "training", "steps")
        raise ValueError(
            f"{directory} has done {found[-1][0]} of {steps} training steps; {remedy(directory)}"
        )
    path = found[-1][1]
    reason = damage(path)
    if reason is not None:
        raise ValueError(f"{path} is damaged ({reason}); {remedy(directory)}")
    return path


def remedy(directory: Path) -> str:
    """For a directory whose weights are missing or broken."""
    adopted = Path(directory) / ADOPTED
    if adopted.exists():
        source = read_json(adopted).get("adopted_from")
        names = f"--system {adopted.parent.name} --name {adopted.parents[1].name}"
        return f"adopt it again: python -m uss.bin.adopt {source} {names}"
    imported = imported_from(directory)
    if imported is not None:
        return f"import it again: python -m uss.bin.import_uss {imported}"
    return stage_that_trains(directory)
