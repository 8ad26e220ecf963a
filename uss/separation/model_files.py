"""What stage 6 adds to a model directory, without torch."""

from pathlib import Path

import h5py

from uss.files import command_of_stage
from uss.labels import Classes
from uss.tables import ClassRow

EMBEDDINGS = "average_embeddings.h5"
PANNS = "panns.pt"
CLASS_KEYS = ("class_id", "class_name")


def refuse_missing(path: Path) -> Path:
    """The path. Raises ValueError, naming stage 6, where it is not there."""
    if not path.is_file():
        raise ValueError(
            f"{path} is missing: the model cannot be steered without it; stage 6 writes it: "
            f"{command_of_stage(6)}"
        )
    return path


def class_table(directory: Path) -> Classes:
    """The classes of a model directory."""
    path = refuse_missing(directory / EMBEDDINGS)
    try:
        with h5py.File(path, "r") as file:
            ids, names = ([value.decode() for value in file[key]] for key in CLASS_KEYS)
    except (OSError, KeyError):
        raise ValueError(f"{path} is broken; stage 6 writes it: {command_of_stage(6)}") from None
    rows = [
        ClassRow(index, class_id, name)
        for index, (class_id, name) in enumerate(zip(ids, names, strict=True))
    ]
    return Classes(rows, str(path))


def segment_samples(directory: Path) -> int:
    """Length of the segments that the model was trained on."""
    with h5py.File(refuse_missing(directory / EMBEDDINGS), "r") as file:
        return int(file.attrs["segment_samples"])
