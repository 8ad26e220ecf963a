"""A model directory, ready to separate: the separator, its classes and its PANNs.

Stage 6 puts beside the separator what this needs (uss.bin.average_embeddings):

    average_embeddings.h5   class_id, class_name, embedding, probabilities, num_targets;
                            attributes sample_rate, segment_samples
    panns.pt                sound event detector and query encoder
"""

import logging
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from uss.data.averages import read_average_embeddings, refuse_other_query
from uss.distributed import device
from uss.files import digest
from uss.labels import Classes
from uss.model_store.loading import load_separator
from uss.models.panns import AnyPanns, Cnn14, Cnn14DecisionLevelMax
from uss.separation.model_files import (
    EMBEDDINGS,
    PANNS,
    class_table,
    refuse_missing,
    segment_samples,
)
from uss.separation.panns_file import REMEDY, build, read_panns

MIN_PEAK = 1e-10
# One step of 16 bits, and a little: what is no louder is silence, and is not separated.
SILENCE_PEAK = 1.1 / 32768
ROWS_PER_PASS = 4  # windows times channels that go through the network at once

logger = logging.getLogger(__name__)


class Query(NamedTuple):
    """What to separate: a name for the output, its values (query_size,) float32, and where it
    comes from, for separation.json."""

    name: str
    values: np.ndarray
    origin: dict


class Model:
    """A model directory.

    Args:
        directory: of a separator that is trained to its end, after stage 6.

    Raises:
        ValueError: what is missing, and the stage that writes it.
    """

    def __init__(self, directory: Path | str) -> None:
        self.directory = Path(directory)
        self.loaded = load_separator(self.directory)
        self.system = self.loaded.system
        self.separator = self.loaded.separator.to(device())
        self.sample_rate = self.loaded.sample_rate
        self.digest = digest(self.loaded.weights)
        path = refuse_missing(self.directory / EMBEDDINGS)
        self.classes: Classes = class_table(self.directory)
        self.averages = read_average_embeddings(path)
        refuse_other_query(self.averages, self.system, self.loaded.query_size, path)
        self.num_samples = segment_samples(  # of a window
            self.directory, self.sample_rate, self.system.stft.window_size
        )
        if self.system.normalization == "per_signal":
            logger.warning(
                "%s was trained with normalization per_signal: the level of its output is a guess",
                directory,
            )

    def class_query(self, name: str) -> Query:
        """A class by its name, mid or index. ValueError where it is not known or has no average."""
        index = find_class(self.classes, name)
        if self.averages.num_targets[index] == 0:
            raise ValueError(
                f"{self.directory}: class {self.classes.names[index]!r} has no average embedding: "
                "stage 6 found no query targets for it; give an example with --query"
            )
        values = getattr(self.averages, self.system.query_field)[index]
        class_id = self.classes.ids[index]
        return Query(self.classes.names[index], values, {"kind": "class", "class_id": class_id})

    @property
    def has_query_encoder(self) -> bool:
        return (self.directory / PANNS).is_file() and "query_encoder" in self._panns

    @cached_property
    def _panns(self) -> dict:
        return read_panns(refuse_missing(self.directory / PANNS))

    @cached_property
    def panns_digest(self) -> str:
        return digest(refuse_missing(self.directory / PANNS))

    def _network(self, name: str, kind: type[AnyPanns]) -> AnyPanns:
        path = self.directory / PANNS
        network = build(self._panns, name, kind, path, self.sample_rate, self.num_samples)
        return network.to(device())

    @cached_property
    def query_encoder(self) -> Cnn14:
        encoder = self._network("query_encoder", Cnn14)
        layer = encoder.fc1 if self.system.query == "embedding" else encoder.fc_audioset
        self._refuse_other_size("query_encoder", layer.out_features, self.loaded.query_size)
        return encoder

    @cached_property
    def detector(self) -> Cnn14DecisionLevelMax:
        detector = self._network("sound_event_detector", Cnn14DecisionLevelMax)
        self._refuse_other_size("sound_event_detector", detector.num_classes, len(self.classes))
        return detector

    def _refuse_other_size(self, name: str, size: int, expected: int) -> None:
        if size != expected:
            raise ValueError(
                f"{self.directory / PANNS}, {name}: it gives {size} values, and this model takes "
                f"{expected}. {REMEDY}"
            )

    @torch.inference_mode()
    def encode(self, segments: np.ndarray) -> np.ndarray:
        """(n, samples) at the model's rate -> (n, query_size), as a query."""
        output = self.query_encoder(torch.from_numpy(segments).to(device()))
        return getattr(output, self.system.query_field).cpu().numpy()

    @torch.inference_mode()
    def separate_window(self, window: np.ndarray, queries: np.ndarray) -> np.ndarray:
        """(channels, samples), (queries, query_size) -> (queries, channels, samples).

        Every channel goes through the network by itself: a mask of all would smear a sound that
        sits at one side over both. The scale of Eq. 2 is one for all channels, so that their
        levels keep their ratio. As in stage 7, the level is restored.
        """
        result = np.zeros((len(queries), *window.shape), np.float32)
        peak = float(np.abs(window).max(initial=0.0))
        if peak <= SILENCE_PEAK:
            return result
        scale = 1.0 if self.system.normalization == "none" else max(peak, MIN_PEAK)
        for start in range(0, len(window), ROWS_PER_PASS):
            rows = slice(start, start + ROWS_PER_PASS)
            mixture = torch.from_numpy(window[rows]).to(device()) / scale
            features = None if self.separator.amae is None else self.separator.amae(mixture)
            for number, values in enumerate(queries):
                query = torch.from_numpy(values).to(device()).expand(len(mixture), -1)
                separated: Tensor = self.separator(mixture, query, features) * scale
                result[number, rows] = separated.cpu().numpy()
        return result


def find_class(classes: Classes, name: str) -> int:
    """Index of a class by its name (in any case), mid or index; ValueError with the nearest."""
    if name in classes:
        return classes.index(name)
    if name.isdecimal():
        if int(name) >= len(classes):
            raise ValueError(f"there is no class {name}: indices go from 0 to {len(classes) - 1}")
        return int(name)
    lower = [known.lower() for known in classes.names]
    if name.lower() in lower:
        return lower.index(name.lower())
    return classes.index_of_name(name)
