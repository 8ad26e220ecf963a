"""One recording into files: each query's sound, the rest, and separation.json beside them."""

import contextlib
import os
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from tqdm import tqdm

from uss.audio_files.reader import blocks, opened
from uss.files import atomic, digest_of, read_json, size_of, to_json
from uss.separation.audio_streams import Writer
from uss.separation.confidence import Confidence
from uss.separation.model import Model, Query
from uss.separation.names import output_names
from uss.separation.streaming import SeparationStream
from uss.version import __version__

RECORD = "separation.json"


@dataclass
class Job:
    """What is asked of one file.

    folder: that the outputs go to; format: wav or flac; confidence: whether it is measured;
    heard: the time line of --auto, for the record; request: whatever else decides the outputs,
    compared when a run is resumed; stop: when it is set, the separation ends as interrupted.
    """

    path: Path
    folder: Path
    queries: list[Query]
    residual: bool
    heard: list = field(default_factory=list)
    request: dict = field(default_factory=dict)
    format: str = "wav"
    confidence: bool = False
    stop: threading.Event = field(default_factory=threading.Event)

    def outputs(self) -> dict[str, Path]:
        """Name of each output -> its file."""
        names = [query.name for query in self.queries] + ["residual"] * self.residual
        files = output_names(self.path, names, self.format)
        return {name: self.folder / file for name, file in files.items()}


def request_of(model: Model, path: Path, settings: dict) -> dict:
    """What separation.json records so that a second run can skip the file."""
    stat = path.stat()
    return {
        "input": {"path": str(path), "size": stat.st_size, "mtime_ns": stat.st_mtime_ns},
        "model": {"directory": str(model.directory), "weights": model.digest},
        "settings": settings,
    }


def read_record(folder: Path) -> dict | None:
    """separation.json; None where there is none that this version wrote whole."""
    path = folder / RECORD
    if not path.is_file():
        return None
    try:
        record = read_json(path)
        for output in record["outputs"].values():
            output["file"], output["size"]
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    return record


def is_done(folder: Path, request: dict) -> bool:
    """Whether the folder holds the whole outputs of this very request."""
    record = read_record(folder)
    return (
        record is not None
        and record.get("request") == request
        and all(size_of(folder / o["file"]) == o["size"] for o in record["outputs"].values())
    )


def separate_file(model: Model, job: Job, show_progress: bool = True) -> dict:
    """Separate a file, in memory that does not depend on its length.

    The outputs have the input's rate, channels, length and subtype (`Writer`), and appear under
    their names when all of them are whole and on the disk, separation.json last. Before, what is
    there of another request stays. With `job.residual`, they add up to the input.

    Returns:
        the record that is written to separation.json.

    Raises:
        BadAudio: the input's fault.
        ValueError: the network gives something that is not finite.
        OSError: the outputs cannot be written.
        KeyboardInterrupt: `job.stop` was set.
    """
    finals = job.outputs()
    confidence = Confidence(model, job.queries) if job.confidence else None
    writers: dict[str, Writer] = {}
    with contextlib.ExitStack() as renamed:  # what comes first is renamed last
        record_path = renamed.enter_context(atomic(job.folder / RECORD))
        temporary = {name: renamed.enter_context(atomic(path)) for name, path in finals.items()}
        with opened(job.path) as file, contextlib.ExitStack() as open_files:
            for name, path in temporary.items():
                writers[name] = Writer(path, file, job.format)
                open_files.callback(writers[name].close)
            num_samples, starts = _run(model, job, file, writers, confidence, show_progress)
            audio = {"sample_rate": file.samplerate, "channels": file.channels}
        record: dict[str, Any] = {
            "request": job.request,
            "version": __version__,
            "audio": {**audio, "num_samples": num_samples},
            "heard": [stretch._asdict() for stretch in job.heard],
            "window_seconds": model.num_samples / model.sample_rate,
            "window_starts_seconds": [round(start / model.sample_rate, 4) for start in starts],
            "outputs": {},
        }
        origins = {query.name: query.origin for query in job.queries}
        digests = {query.name: digest_of(query.values.tolist()) for query in job.queries}
        for name, path in finals.items():
            refuse_cut(temporary[name], path, num_samples)
            record["outputs"][name] = {
                "file": path.name,
                "size": size_of(temporary[name]),
                "subtype": writers[name].subtype,
                "query": origins.get(name),
                "query_digest": digests.get(name),
                "num_clipped": writers[name].num_clipped,
                "confidence": confidence.values.get(name) if confidence else None,
            }
        record_path.write_bytes(to_json(record))
        (job.folder / RECORD).unlink(missing_ok=True)
    return record


def refuse_cut(written: Path, path: Path, num_samples: int) -> None:
    """Raises OSError where a file holds less than was written: libsndfile says nothing of what its
    last write or the header's lacks."""
    found = soundfile.info(os.fsencode(written)).frames
    if found != num_samples:
        raise OSError(f"{path}: {num_samples} samples were written, and {found} stand in the file")


def _run(model, job, file, writers, confidence, show_progress) -> tuple[int, list[int]]:
    """Stream the file through; samples read, and the starts of the windows."""
    listen = confidence.listen if confidence else None
    assembly = Assembly(job, writers, file.channels)
    stream = None
    if job.queries:
        stream = SeparationStream(model, job.queries, file.samplerate, file.channels, listen)
    bar = tqdm(
        total=file.frames,
        desc=job.path.name,
        unit="samples",
        unit_scale=True,
        leave=False,
        disable=None if show_progress else True,
    )
    with bar:
        for block in blocks(file):
            assembly.hear(block)
            for piece in stream.push(block) if stream else ():
                assembly.give(piece)
                if job.stop.is_set():
                    raise KeyboardInterrupt
            bar.update(block.shape[1])
        for piece in stream.finish() if stream else ():
            assembly.give(piece)
        assembly.finish()
        if confidence:
            confidence.finish()
    return assembly.num_heard, stream.windows.starts if stream else []


class Assembly:
    """Outputs and input side by side, to write equal lengths of them and what is left over."""

    def __init__(self, job: Job, writers: dict[str, Writer], channels: int) -> None:
        self.job = job
        self.writers = writers
        self.channels = channels
        self.num_heard = 0
        self._input = np.zeros((channels, 0))
        self._output = np.zeros((len(job.queries) * channels, 0), np.float32)

    def hear(self, block: np.ndarray) -> None:
        self.num_heard += block.shape[1]
        self._input = np.concatenate([self._input, block], axis=1)
        if not self.job.queries:
            self._write(self._input.shape[1])

    def give(self, piece: np.ndarray) -> None:
        self._output = np.concatenate([self._output, piece], axis=1)
        self._write(min(self._input.shape[1], self._output.shape[1]))

    def finish(self) -> None:
        """Resampling there and back may lose or win a sample at the end."""
        length = self._input.shape[1]
        missing = max(0, length - self._output.shape[1])
        self._output = np.pad(self._output, ((0, 0), (0, missing)))
        self._write(length)

    def _write(self, length: int) -> None:
        rest = self._input[:, :length].copy()
        for number, query in enumerate(self.job.queries):
            rows = slice(number * self.channels, (number + 1) * self.channels)
            output = self._output[rows, :length].astype(np.float64)
            # What is subtracted is what was written, rounding included.
            rest -= self.writers[query.name].write(output)
        if self.job.residual:
            self.writers["residual"].write(rest)
        self._input, self._output = self._input[:, length:], self._output[:, length:]
