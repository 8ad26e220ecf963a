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

from uss.data.averages import read_average_embeddings, refuse_other_query
from uss.distributed import device
from uss.files import digest
from uss.labels import Classes
from uss.model_store.adoption import read_adoption
from uss.model_store.loading import load_separator
from uss.model_store.panns_file import REMEDY, build, read_panns
from uss.models.panns import AnyPanns, Cnn14, Cnn14DecisionLevelMax
from uss.separation.model_files import (
    EMBEDDINGS,
    PANNS,
    class_table,
    refuse_missing,
    segment_samples,
)
from uss.separation.window_separator import WindowSeparator

ACTIVE = 0.2  # clip probability below which a class is not separated, as in bytedance/uss

logger = logging.getLogger(__name__)


class Query(NamedTuple):
    """What to separate: a name for the output, its values (query_size,) float32, and where it
    comes from, for separation.json.

    is_mask: the query is not `values` but what the query encoder hears in the mixture itself, its
    clip probabilities, where `values` are 1, and zero where they are 0.
    """

    name: str
    values: np.ndarray
    origin: dict
    is_mask: bool = False


class Model:
    """A model directory.

    Args:
        directory: of a separator that is trained to its end, after stage 6, or that was imported.
        on: the device that computes; by default a GPU where there is one.

    Raises:
        ValueError: what is missing, and the stage that writes it.
    """

    def __init__(self, directory: Path | str, on: torch.device | None = None) -> None:
        self.directory = Path(directory)
        self.loaded = load_separator(self.directory)
        self.system = self.loaded.system
        self.device = on or device()
        self.window_separator = WindowSeparator(self.loaded.separator, self.device)
        self.sample_rate = self.loaded.sample_rate
        self.digest = digest(self.loaded.weights)
        path = refuse_missing(self.directory / EMBEDDINGS)
        self.classes: Classes = class_table(self.directory)
        self.averages = read_average_embeddings(path)
        self.averages_digest = digest(path)
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
        name, class_id = self.classes.names[index], self.classes.ids[index]
        if self.masks_probabilities:
            if len(self.classes) != self.loaded.query_size:
                raise ValueError(
                    f"{self.directory / EMBEDDINGS} has no averages, and its {len(self.classes)} "
                    f"classes are not the {self.loaded.query_size} that the query encoder hears"
                )
            mask = np.zeros(self.loaded.query_size, np.float32)
            mask[index] = 1
            return Query(name, mask, {"kind": "own_probabilities", "class_id": class_id}, True)
        if self.averages.num_targets[index] == 0:
            raise ValueError(
                f"{self.directory}: class {name!r} has no average embedding in {EMBEDDINGS}: stage "
                "6 found no query targets for it, or did not run on an imported model; give an "
                "example of the sound with --query"
            )
        values = getattr(self.averages, self.system.query_field)[index]
        return Query(name, values, {"kind": "class", "class_id": class_id})

    @property
    def masks_probabilities(self) -> bool:
        """Whether a class is asked for by the mixture's own clip probabilities: there are no
        averages (the model was imported), and it takes probabilities (at_soft)."""
        has_averages = self.averages.num_targets.any()
        return self.system.query == "at_soft" and not has_averages

    @cached_property
    def _panns(self) -> dict:
        return read_panns(refuse_missing(self.directory / PANNS))

    @cached_property
    def panns_digest(self) -> str:
        return digest(refuse_missing(self.directory / PANNS))

    @torch.inference_mode(False)  # who asks first may be in it, and the weights stay
    def _network(self, name: str, kind: type[AnyPanns]) -> AnyPanns:
        path = self.directory / PANNS
        network = build(self._panns, name, kind, path, self.sample_rate, self.num_samples)
        return network.to(self.device)

    @cached_property
    def query_encoder(self) -> Cnn14:
        encoder = self._network("query_encoder", Cnn14)
        layer = encoder.fc1 if self.system.query == "embedding" else encoder.fc_audioset
        self._refuse_other_size("query_encoder", layer.out_features, self.loaded.query_size)
        return encoder

    @cached_property
    def detector(self) -> Cnn14DecisionLevelMax:
        adoption = read_adoption(self.directory)
        if adoption:  # the outputs are not the classes of this directory
            raise ValueError(
                f"{self.directory} was adopted, and its detector knows the classes of the recipe "
                f"that trained it: separate with the original, {adoption.adopted_from}"
            )
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
        output = self.query_encoder(torch.from_numpy(segments).to(self.device))
        return getattr(output, self.system.query_field).cpu().numpy()

    def window_queries(self, windows: np.ndarray, queries: list[Query]) -> np.ndarray:
        """What steers each window (n, channels, samples): (n, queries, query_size). Zero where a
        mask asks for classes that the query encoder hardly hears in it."""
        values = np.array([[query.values for query in queries]], np.float32)
        values = values.repeat(len(windows), axis=0)
        masks = [number for number, query in enumerate(queries) if query.is_mask]
        if masks:
            values[:, masks] *= self.encode(windows.mean(axis=1))[:, None]
            values[:, masks] *= values[:, masks].max(axis=2, keepdims=True) >= ACTIVE
        return values

    def separate_windows(self, windows: np.ndarray, queries: np.ndarray) -> np.ndarray:
        """(n, channels, samples), (n, queries, query_size) -> (n, queries, channels, samples)."""
        return self.window_separator(windows, queries)


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
