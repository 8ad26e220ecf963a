"""Separation of arrays and tensors, for notebooks and other programs; `uss.load` gives it."""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import torch

from uss.audio import BadAudio
from uss.audio_files.part import MAX_CHANNELS, MAX_RATE, MAX_VALUE, MIN_RATE
from uss.separation.model import Model, Query
from uss.separation.queries import mean_embedding, segments_of
from uss.separation.streaming import SeparationStream

Waveform = TypeVar("Waveform", np.ndarray, torch.Tensor)
AnyQuery = str | Query | np.ndarray | torch.Tensor


class SoundSeparator:
    """A trained model.

    Args:
        directory: of a system after stage 6, such as exp/default/resunet_joint, or an imported one.

    Raises:
        ValueError: what is missing or damaged, and the stage that writes it.
    """

    def __init__(self, directory: Path | str) -> None:
        self.model = Model(directory)

    @property
    def class_names(self) -> list[str]:
        """The names by which `separate` takes a class."""
        return list(self.model.classes.names)

    def separate(
        self, waveform: Waveform, sample_rate: int, query: AnyQuery | Sequence[AnyQuery]
    ) -> Waveform:
        """Pull a sound out of a recording of any length.

        Args:
            waveform: (channels, samples), floats around [-1, 1].
            sample_rate: of it, in Hz.
            query: a class by its name, class_id or index; what `example` gives; or an embedding
                (query_size,). Or a list of these.

        Returns:
            (channels, samples) float32 at the same rate, of the same kind, array or tensor; for a
            list of queries (queries, channels, samples). What `uss separate` writes to a file of
            floats.

        Raises:
            ValueError: audio or a query that cannot be used.
        """
        single = isinstance(query, str | Query | np.ndarray | torch.Tensor)
        wanted = cast(Sequence[AnyQuery], [query] if single else query)
        queries = [self._query(one) for one in wanted]
        if not queries:
            raise ValueError("there is no query")
        separated = self._separate(audio(waveform, sample_rate), sample_rate, queries)
        result = separated[0] if single else separated
        if isinstance(waveform, torch.Tensor):
            return torch.from_numpy(result).to(waveform.device)
        return result

    def example(self, waveform: Waveform, sample_rate: int, name: str = "example") -> Query:
        """A query by an example (channels, samples) of the wanted sound, 0.1 s or more.

        Raises:
            ValueError: an example that is silent, too short or no audio.
        """
        block = audio(waveform, sample_rate)
        rate, size = self.model.sample_rate, self.model.num_samples
        try:
            values = mean_embedding(self.model, segments_of([block], sample_rate, rate, size))
        except BadAudio as error:
            raise ValueError(f"the example {name!r} is {error}") from None
        return Query(name, values.astype(np.float32), {"kind": "examples", "files": []})

    def _separate(self, mixture: np.ndarray, rate: int, queries: list[Query]) -> np.ndarray:
        """(channels, samples) -> (queries, channels, samples)."""
        stream = SeparationStream(self.model, queries, rate, len(mixture))
        pieces = [*stream.push(mixture), *stream.finish()]
        separated = np.concatenate(pieces, axis=1)[:, : mixture.shape[1]]
        # Resampling there and back may lose a sample at the end.
        missing = mixture.shape[1] - separated.shape[1]
        return np.pad(separated, ((0, 0), (0, missing))).reshape(len(queries), *mixture.shape)

    def _query(self, query: AnyQuery) -> Query:
        if isinstance(query, Query):
            return query
        if isinstance(query, str):
            return self.model.class_query(query)
        values = np.asarray(query.detach().cpu() if isinstance(query, torch.Tensor) else query)
        size = self.model.loaded.query_size
        if values.shape != (size,) or not np.isfinite(values).all() or not values.any():
            raise ValueError(
                f"an embedding of shape {values.shape} was given; this model takes ({size},), "
                "finite and not all zero. Give an example of the sound to `example`"
            )
        return Query("embedding", values.astype(np.float32), {"kind": "embedding"})


def audio(waveform: np.ndarray | torch.Tensor, sample_rate: int) -> np.ndarray:
    """(channels, samples) float32; ValueError where it is something else."""
    if isinstance(waveform, torch.Tensor):
        waveform = waveform.detach().cpu().numpy()
    if waveform.ndim != 2 or waveform.shape[1] == 0 or not 1 <= waveform.shape[0] <= MAX_CHANNELS:
        raise ValueError(
            f"a waveform of shape {waveform.shape} was given, must be (channels, samples): "
            "waveform[None] makes a channel of (samples,)"
        )
    if not np.issubdtype(waveform.dtype, np.floating):
        raise ValueError(
            f"a waveform of {waveform.dtype} was given, must be floats around [-1, 1]: divide 16 "
            "bits by 32768"
        )
    if not MIN_RATE <= sample_rate <= MAX_RATE:
        raise ValueError(f"sample_rate is {sample_rate}, must be from {MIN_RATE} to {MAX_RATE} Hz")
    if not np.isfinite(waveform).all() or np.abs(waveform).max() > MAX_VALUE:
        raise ValueError("a sample is not finite, or beyond any sound (full scale is 1)")
    return waveform.astype(np.float32)
