"""What stage 6 adds to a model directory, without torch."""

from pathlib import Path

from uss import hdf5
from uss.labels import Classes
from uss.layout import EMBEDDINGS as EMBEDDINGS
from uss.layout import PANNS as PANNS
from uss.layout import command_of_stage
from uss.ranges import SAMPLE_RATES
from uss.tables import ClassRow

CLASS_KEYS = ("class_id", "class_name")
MAX_SEGMENT_SECONDS = 60  # a network sees all of a segment at once


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
        if len(ids) != len(names) or not ids:
            raise file.fault(f"it has {len(ids)} class_id and {len(names)} class_name")
    rows = [
        ClassRow(index, class_id, name)
        for index, (class_id, name) in enumerate(zip(ids, names, strict=True))
    ]
    return Classes(rows, str(directory / EMBEDDINGS))


def segment_samples(directory: Path, sample_rate: int, window_size: int) -> int:
    """Length of the segments that a separator was trained on.

    Args:
        sample_rate: of the separator, in Hz.
        window_size: of its STFT, which mirrors half of it at both ends of a segment.

    Raises:
        ValueError: the two do not belong together.
    """
    with _embeddings(directory) as file:
        rate = file.number("sample_rate", *SAMPLE_RATES)
        if rate != sample_rate:
            raise file.fault(f"the sample_rate is {rate}, that of config.yaml {sample_rate}")
        shortest, longest = window_size // 2 + 1, MAX_SEGMENT_SECONDS * rate
        return file.number("segment_samples", shortest, longest)


def _embeddings(directory: Path) -> hdf5.Reader:
    path = refuse_missing(directory / EMBEDDINGS)
    return hdf5.Reader(path, f"stage 6 writes it: {command_of_stage(6)}")
