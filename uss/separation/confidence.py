"""How alike a query and what was separated for it are, for each window."""

import numpy as np

from uss.separation.model import Model, Query
from uss.separation.queries import cosine
from uss.separation.window_separator import SILENCE_PEAK

AT_ONCE = 16  # sounds for the query encoder: one by one takes it 2.6 times as long


class Confidence:
    """The cosine between the query and what the query encoder hears in the separated window, its
    channels mixed down; null where the window is silent, or the query asks for nothing.

    Attributes:
        values: name of each query -> a value for each window, complete after `finish`.
    """

    def __init__(self, model: Model, queries: list[Query]) -> None:
        self.model = model
        self.queries = queries
        self.values: dict[str, list[float | None]] = {query.name: [] for query in queries}
        self._waiting: list[tuple[list, int, np.ndarray, np.ndarray]] = []

    def listen(self, windows: np.ndarray, steering: np.ndarray, separated: np.ndarray) -> None:
        """As `SeparationStream` calls it."""
        for window, queries, signals in zip(windows, steering, separated, strict=True):
            for query, values, signal in zip(self.queries, queries, signals, strict=True):
                of_query = self.values[query.name]
                of_query.append(None)
                if np.abs(window).max() > SILENCE_PEAK and values.any():
                    self._waiting.append((of_query, len(of_query) - 1, values, signal.mean(axis=0)))
        while len(self._waiting) >= AT_ONCE:
            self._encode()

    def finish(self) -> None:
        while self._waiting:
            self._encode()

    def _encode(self) -> None:
        batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
        encoded = self.model.encode(np.stack([sound for *_, sound in batch]))
        for (of_query, number, values, _), heard in zip(batch, encoded, strict=True):
            value = cosine(values, heard)
            of_query[number] = round(value, 4) if np.isfinite(value) else None
