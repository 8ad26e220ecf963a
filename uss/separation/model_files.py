"""What stage 6 adds to a model directory, without torch."""

from pathlib import Path

from uss import hdf5
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
    with _embeddings(directory) as file:
        ids, names = (file.strings(key) for key in CLASS_KEYS)
        if len(ids) != len(names):
            raise file.fault("class_id and class_name differ in length")
    rows = [
        ClassRow(index, class_id, name)
        for index, (class_id, name) in enumerate(zip(ids, names, strict=True))
    ]
    return Classes(rows, str(directory / EMBEDDINGS))


def segment_samples(directory: Path) -> int:
    """Length of the segments that the model was trained on."""
    with _embeddings(directory) as file:
        return file.number("segment_samples")


def _embeddings(directory: Path) -> hdf5.Reader:
    path = refuse_missing(directory / EMBEDDINGS)
    return hdf5.Reader(path, f"stage 6 writes it: {command_of_stage(6)}")
