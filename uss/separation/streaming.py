"""A recording through a model, block by block: resampled there, windowed, resampled back."""

from collections.abc import Iterator

import numpy as np

from uss.separation.audio_streams import Resampler
from uss.separation.model import Model, Query
from uss.separation.windows import Windows


class SeparationStream:
    """Blocks of a recording in, pieces of what is separated out, in order.

    Args:
        queries: of which the outputs are, one at least.
        rate: of the recording, in Hz; channels: of it.
        listen: called with windows (n, channels, samples), what steered them (n, queries,
            query_size) and what came out (n, queries, channels, samples), at the model's rate.
    """

    def __init__(self, model: Model, queries: list[Query], rate: int, channels: int, listen=None):
        self.model, self.queries, self.listen = model, queries, listen
        self.channels, num_outputs = channels, len(queries) * channels
        at_once = model.window_separator.at_once(num_outputs)
        self.windows = Windows(self._process, model.num_samples, at_once)
        self.there = Resampler(rate, model.sample_rate, channels)
        self.back = Resampler(model.sample_rate, rate, num_outputs)
        self.nothing = np.zeros((num_outputs, 0), np.float32)

    def push(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """(channels, samples) -> pieces (queries * channels, samples)."""
        for piece in self.windows.push(self.there.push(block)):
            yield self.back.push(piece[0])

    def finish(self) -> Iterator[np.ndarray]:
        """The rest. Resampling may have lost or won a sample at the end."""
        rest = self.there.push(np.zeros((self.channels, 0), np.float32), last=True)
        for piece in (*self.windows.push(rest), *self.windows.finish()):
            yield self.back.push(piece[0])
        yield self.back.push(self.nothing, last=True)

    def _process(self, windows: np.ndarray) -> np.ndarray:
        steering = self.model.window_queries(windows, self.queries)
        separated = self.model.separate_windows(windows, steering)
        starts = self.windows.starts[-len(windows) :]
        for start, signals in zip(starts, separated, strict=True):
            refuse_not_finite(signals, self.queries, start / self.model.sample_rate)
        if self.listen is not None:
            self.listen(windows, steering, separated)
        # The resampler takes one list of channels.
        return separated.reshape(len(windows), 1, len(self.queries) * self.channels, -1)


def refuse_not_finite(separated: np.ndarray, queries: list[Query], seconds: float) -> None:
    """separated: (queries, channels, samples) of the window that starts at `seconds`."""
    for query, signal in zip(queries, separated, strict=True):
        if not np.isfinite(signal).all():
            raise ValueError(
                f"what the network gives for {query.name!r} is not finite (NaN or infinite) in the "
                f"window from {seconds:.2f} s on: the model's weights are damaged, or the query is"
            )
