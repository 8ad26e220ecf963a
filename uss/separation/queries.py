"""Queries of one's own: example sounds, saved queries, and steering away from a class."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np

from uss import hdf5
from uss.audio import BadAudio, dbfs
from uss.audio_files.ffmpeg import NeedsFfmpeg
from uss.audio_files.reader import blocks, opened
from uss.faults import remedy
from uss.separation.audio_streams import Resampler
from uss.separation.inputs import files_below
from uss.separation.model import Model, Query
from uss.separation.names import readable, stem_of

MIN_SECONDS = 0.1  # of an example
SILENCE_DBFS = -60.0  # RMS of a segment that tells nothing
MIN_NORM = 0.1  # of what is left of a query when a class is taken out, of its length before

logger = logging.getLogger(__name__)


def example_query(model: Model, path: Path) -> Query:
    """The mean embedding of an example sound, or of all files of a folder.

    A file's embedding is the mean over its segments of the model's training length, the last one
    padded with zeros; silent segments are left out. Examples that are silent, shorter than 0.1 s
    or no audio are reported.

    Raises:
        ValueError: no example is left, or the system does not let one be read.
    """
    refuse_missing_example(path)
    if path.suffix == ".h5" and not path.is_dir():
        return read_query(model, path)
    files = [path]
    if path.is_dir():
        refused: dict[Path, str] = {}
        files = files_below(path, refused)
        for folder, why in refused.items():  # what the system refuses is not left out silently
            raise ValueError(f"--query {readable(folder)}: {why}")
    embeddings, used = [], []
    for file in files:
        try:
            embeddings.append(_embedding(model, file))
            used.append(str(file))
        except BadAudio as error:
            logger.warning("query %s is left out: %s", readable(file), error)
        except NeedsFfmpeg as error:
            raise ValueError(f"--query {readable(path)}: {readable(file)} {error}") from None
        except OSError as error:  # a query of the other examples would be another query
            reason = error.strerror or str(error)
            raise ValueError(f"--query {readable(path)}: {readable(file)}: {reason}") from None
    if not embeddings:
        raise ValueError(f"--query {readable(path)}: no usable example among {len(files)} files")
    values = np.asarray(np.mean(embeddings, axis=0, dtype=np.float64), np.float32)
    name = readable(stem_of(path.absolute()))  # of "." too
    return Query(name, values, {"kind": "examples", "files": used})


def refuse_missing_example(path: Path) -> None:
    if not path.exists():
        raise ValueError(f"--query {readable(path)}: no such file or folder")


def _embedding(model: Model, path: Path) -> np.ndarray:
    return mean_embedding(model, segments(path, model.sample_rate, model.num_samples))


def mean_embedding(model: Model, segments: Iterable[tuple[np.ndarray, int]]) -> np.ndarray:
    """(query_size,) of the segments that are not silent; BadAudio where there is too little."""
    total, num_segments, num_samples = np.zeros(model.loaded.query_size), 0, 0
    for segment, length in segments:
        num_samples += length
        if dbfs(segment[:length]) >= SILENCE_DBFS:
            total += model.encode(segment[None])[0]
            num_segments += 1
    if num_samples < MIN_SECONDS * model.sample_rate:
        raise BadAudio(f"shorter than {MIN_SECONDS} s")
    if num_segments == 0:
        raise BadAudio(f"silent (below {SILENCE_DBFS:g} dBFS)")
    return total / num_segments


def segments(path: Path, rate: int, size: int) -> Iterator[tuple[np.ndarray, int]]:
    """A file, mixed down, in segments (size,) at `rate`; with each how many samples are not
    padding."""
    with opened(path) as file:
        yield from segments_of(blocks(file), file.samplerate, rate, size)


def segments_of(
    blocks: Iterable[np.ndarray], file_rate: int, rate: int, size: int
) -> Iterator[tuple[np.ndarray, int]]:
    """The same of blocks (channels, samples) at `file_rate`."""
    resampler = Resampler(file_rate, rate, 1)
    rest = np.zeros(0, np.float32)
    for block in blocks:
        pushed = resampler.push(block.mean(axis=0, keepdims=True))[0]
        rest = np.concatenate([rest, pushed])
        while len(rest) >= size:
            yield np.ascontiguousarray(rest[:size]), size
            rest = rest[size:]
    last = resampler.push(np.zeros((1, 0)), last=True)[0]
    rest = np.concatenate([rest, last])
    for start in range(0, len(rest), size):
        part = rest[start : start + size]
        yield np.pad(part, (0, size - len(part))), len(part)


def save_query(model: Model, query: Query, path: Path) -> None:
    """Raises ValueError where it cannot be written."""
    try:
        with hdf5.created(path) as file:
            file["query"] = query.values
            file.attrs.update(name=query.name, query=model.system.query, panns=model.panns_digest)
    except OSError as error:
        reason = f"{error.strerror}; {remedy(error)}" if error.strerror else str(error)
        raise ValueError(f"--save-query {readable(path)}: {reason}") from None


def read_query(model: Model, path: Path) -> Query:
    """Raises ValueError where it is no saved query, one of another query encoder, or one that
    holds no direction."""
    with hdf5.Reader(path, "give --query a file that --save-query wrote") as file:
        name, *encoder = (file.attribute(key) for key in ("name", "query", "panns"))
        if encoder != [model.system.query, model.panns_digest]:
            raise ValueError(
                f"--query {path}: made with another query encoder than {model.directory} has; make "
                "it again from the examples"
            )
        values = file.array("query", "float32", "size")
        if not isinstance(name, str) or not name:
            raise file.fault(f"its name is {name!r}")
        if values.shape != (model.loaded.query_size,):
            raise file.fault(
                f"it has {len(values)} values, and the model takes {model.loaded.query_size}"
            )
        if not np.isfinite(values).all():
            raise file.fault("a value is not finite (NaN or infinite)")
        if not values.any():
            raise file.fault("all values are zero")
    return Query(name, values, {"kind": "saved", "file": str(path)})


def steer_away(query: Query, others: list[Query]) -> Query:
    """Experimental: the part of a query that is orthogonal to other queries.

    The origin says how alike they were: the cosine of the angle between query and each other one
    before (it is 0 after), and what share of the query's length is left.

    Raises:
        ValueError: hardly anything is left, or the query is none of the kind.
    """
    if not others:
        return query
    if query.is_mask:
        raise ValueError(
            f"--not takes a direction out of an embedding, and {query.name!r} is asked for by the "
            "mixture's own probabilities: leave --not out"
        )
    values = query.values.astype(np.float64)
    basis = np.stack([other.values for other in others], axis=1).astype(np.float64)
    left = values - basis @ np.linalg.lstsq(basis, values, rcond=None)[0]
    norm = float(np.linalg.norm(left) / np.linalg.norm(values))
    names = ", ".join(other.name for other in others)
    if not norm >= MIN_NORM:  # also where the query is zero
        raise ValueError(f"{query.name!r} without {names}: hardly anything is left of the query")
    cosines = {other.name: round(cosine(values, other.values), 4) for other in others}
    logger.warning(
        "--not is experimental: %s without %s keeps %.0f %% of the query",
        query.name,
        names,
        100 * norm,
    )
    origin = {**query.origin, "not": {"cosine_before": cosines, "norm_kept": round(norm, 4)}}
    return Query(query.name, left.astype(np.float32), origin)


def cosine(a: np.ndarray, b: np.ndarray) -> float:
    product = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / product if product > 0 else 0.0
