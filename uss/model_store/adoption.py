"""A model that was trained elsewhere and is a system here: exp/<name>/<system>/ with a record.

    adopted.json              from where, and the digests of what was taken
    config.yaml               as it was
    checkpoints/step_*.pt     the last one
    panns.pt                  its own PANNs, which alone make embeddings that it understands

Weights and PANNs are a second name of the original's files where both lie on one disk, else copies.
Nothing here imports torch.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

from uss.config import from_dict, to_dict
from uss.files import changes, digest, link_or_copy, read_json, write_json
from uss.layout import ADOPTED, PANNS
from uss.model_store.config_file import SeparatorFacts, section
from uss.model_store.model_config import newest_checkpoint, read_config
from uss.writing import write_bytes

CONFIG = "config.yaml"

logger = logging.getLogger(__name__)


@dataclass
class Adoption:
    """adopted.json. adopted_from: the original's directory, as it was named; segment_samples: of
    the segments that it was trained on, at its own rate; files: name -> SHA-256."""

    adopted_from: str
    segment_samples: int
    files: dict


def read_adoption(directory: Path) -> Adoption | None:
    """None for a model that was trained or imported here. Raises ValueError for a broken record."""
    path = Path(directory) / ADOPTED
    return from_dict(Adoption, read_json(path), str(path)) if path.exists() else None


def sample_rate_of(directory: Path) -> int:
    """Of a separator, in Hz."""
    config, origin = read_config(directory), directory / CONFIG
    return section(SeparatorFacts, config, origin, "facts").sample_rate


def adopt(source: Path, directory: Path, segment_samples: int) -> bool:
    """Make `directory` a system by the model of `source`; whether there was anything to do.

    What an interrupted adoption has left out, or a disk has damaged, is written again.

    Raises:
        ValueError: the directory holds something else.
    """
    weights = newest_checkpoint(source)
    originals = {str(path.relative_to(source)): path for path in (weights, source / PANNS)}
    originals[CONFIG] = source / CONFIG  # the last to be written: with it the directory is a model
    files = {name: digest(path) for name, path in originals.items()}
    record = Adoption(str(source), segment_samples, files)
    refuse_other_model(directory, record)
    lost = [name for name in originals if not is_whole(directory / name, files[name])]
    write_json(directory / ADOPTED, to_dict(record))
    for name in lost:
        if name == CONFIG:  # which somebody may edit
            write_bytes(directory / name, originals[name].read_bytes())
        else:
            link_or_copy(originals[name], directory / name)
    return bool(lost)


def refuse_other_model(directory: Path, record: Adoption) -> None:
    before = read_adoption(directory)
    remedy = "choose another --system or --name, or remove it"
    if before is None:
        if directory.exists() and any(directory.iterdir()):
            raise ValueError(f"{directory} holds something else; {remedy}")
        return
    changed = changes(before.files, record.files)
    if changed:
        raise ValueError(
            f"{directory} was adopted from {before.adopted_from}, and {record.adopted_from} is "
            f"another model, or was trained on since: {', '.join(changed)}; {remedy}"
        )


def is_whole(path: Path, expected: str) -> bool:
    if path.exists() and digest(path) != expected:
        logger.warning("%s is not the file that was adopted, and is written again", path)
        return False
    return path.exists()
