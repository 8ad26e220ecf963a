"""Many recordings in one call: what goes where, what is done already, and what failed."""

import logging
import threading
from contextlib import closing
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from uss.faults import described, remedy
from uss.files import digest_of
from uss.separation.detection import Heard, auto_queries, detect, without_query
from uss.separation.file_separation import Job, is_done, request_of, separate_file
from uss.separation.file_threads import results, set_threads
from uss.separation.inputs import plan
from uss.separation.lock import locked
from uss.separation.model import Model, Query
from uss.separation.names import readable
from uss.separation.queries import example_query, refuse_missing_example, save_query, steer_away
from uss.separation.separation_report import draw, is_drawn, write_report

logger = logging.getLogger(__name__)

Outcome = Literal["separated", "skipped", "failed"]


@dataclass
class Request:
    """What `uss separate` is asked for.

    Attributes:
        inputs: files, or folders of files; output: the folder to be written; model: its directory.
        classes: names, mids or indices; queries: example sounds, folders of them, saved queries;
            save_query: where to keep the one query.
        auto: separate what the detector hears, at a level (1 to 3) of AudioSet's hierarchy, above a
            threshold (a probability).
        others: classes whose direction is taken out of every query.
        residual: write the rest too; confidence: say how alike query and output are; format: wav or
            flac; spectrogram: a picture of each output; report: a page.
        jobs: files at a time; threads: of each, None: an equal part of the processors; device: cpu,
            cuda or cuda:<number>, None: a GPU where there is one.
    """

    inputs: list[Path]
    model: Path
    output: Path
    classes: list[str] = field(default_factory=list)
    queries: list[Path] = field(default_factory=list)
    save_query: Path | None = None
    auto: bool = False
    level: int = 3
    threshold: float = 0.5
    others: list[str] = field(default_factory=list)
    residual: bool = False
    confidence: bool = False
    format: str = "wav"
    spectrogram: bool = False
    report: bool = False
    jobs: int = 1
    threads: int | None = None
    device: str | None = None


def fixed_queries(model: Model, asked: Request) -> list[Query]:
    """What --class and --query ask for."""
    queries = [model.class_query(name) for name in asked.classes]
    for path in asked.queries:
        queries.append(example_query(model, path))
        if asked.save_query:
            save_query(model, queries[-1], asked.save_query)
    return queries


def separate_all(asked: Request) -> int:
    """Separate all inputs; the number of those that failed. What one of them does not allow, or its
    disk, is a line, and the others go on; a bug ends them all.

    Raises:
        ValueError: nothing can be done at all.
    """
    folders, refused = plan(asked.inputs, asked.output)
    num_inputs = len(folders)
    refused |= {path: "missing" for path in folders if not path.is_file()}
    for path, reason in refused.items():
        logger.error("%s: %s", readable(path), reason)
        folders.pop(path, None)
    for path in asked.queries:
        refuse_missing_example(path)
    outcomes = _separate_files(asked, folders) if folders else {}
    counts = {kind: list(outcomes.values()).count(kind) for kind in ("separated", "skipped")}
    num_failed = len(refused) + len(outcomes) - sum(counts.values())
    logger.info("%d separated, %d skipped as done, %d failed", *counts.values(), num_failed)
    if asked.report:
        done = {path: folders[path] for path in folders if outcomes[path] != "failed"}
        write_report(done, num_inputs, asked.output, asked.spectrogram)
    return num_failed


def _separate_files(asked: Request, folders: dict[Path, Path]) -> dict[Path, Outcome]:
    num_threads = set_threads(asked.jobs, asked.threads)
    model = Model(asked.model, chosen_device(asked.device))
    others = [model.class_query(name) for name in asked.others]
    queries = [steer_away(query, others) for query in fixed_queries(model, asked)]
    refuse_not_finite(queries)
    if asked.confidence or any(query.is_mask for query in queries):
        model.query_encoder  # noqa: B018  loaded once, and before the first file
    if asked.auto:
        model.detector  # noqa: B018
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{error.strerror}; {remedy(error)}"
        raise ValueError(f"--output {readable(asked.output)}: {reason}") from None
    separation = _Separation(asked, model, queries, others)
    outcomes: dict[Path, Outcome] = {}
    one = partial(separation.outcome, folders)
    with closing(results(one, folders, asked.jobs, num_threads, separation.stop)) as found:
        for path, outcome in found:
            outcomes[path] = outcome
            if asked.spectrogram and outcome != "failed":
                _draw(path, folders[path])
    return outcomes


def chosen_device(name: str | None) -> torch.device | None:
    """Raises ValueError where there is no such device."""
    if name is None:
        return None
    kind, _, number = name.partition(":")
    num_gpus = torch.cuda.device_count()
    if kind == "cuda" and int(number or 0) >= num_gpus:
        raise ValueError(f"--device {name}: torch finds {num_gpus} GPUs here; choose another one")
    return torch.device(name)


def _draw(path: Path, folder: Path) -> None:
    """Whatever goes wrong with a picture, the sounds are there."""
    try:
        if not is_drawn(path, folder):
            with locked(folder):
                draw(path, folder)
    except Exception as error:
        logger.warning("%s: no spectrograms: %s", readable(path), described(error))


def refuse_not_finite(queries: list[Query]) -> None:
    for query in queries:
        if not np.isfinite(query.values).all():
            raise ValueError(
                f"the query {query.name!r} is not finite (NaN or infinite): make it again from its "
                "examples, or run stage 6 again for a class"
            )


class _Separation:
    """What all files of a request share. `stop` ends those that are being separated."""

    def __init__(
        self, asked: Request, model: Model, queries: list[Query], others: list[Query]
    ) -> None:
        self.asked, self.model, self.queries, self.others = asked, model, queries, others
        self.stop = threading.Event()
        self.settings = {
            "queries": {query.name: digest_of(query.values.tolist()) for query in queries},
            "auto": self._auto() if asked.auto else None,
            "not": digest_of([other.values.tolist() for other in others]) if others else None,
            "residual": asked.residual,
            "confidence": asked.confidence,
            "format": asked.format,
        }

    def _auto(self) -> list:
        averages = [] if self.model.masks_probabilities else [self.model.averages_digest]
        return [self.asked.level, self.asked.threshold, self.model.panns_digest, *averages]

    def outcome(self, folders: dict[Path, Path], path: Path) -> Outcome:
        """Of one file, in one thread."""
        folder = folders[path]
        try:
            request = request_of(self.model, path, self.settings)
            if is_done(folder, request):
                logger.info("skip %s: %s holds its outputs", readable(path), readable(folder))
                return "skipped"
            with locked(folder):
                if is_done(folder, request):  # another process has done it
                    return "skipped"
                self._separate(path, folder, request)
                return "separated"
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            logger.error("%s: %s", readable(path), described(error))
            return "failed"

    def _separate(self, path: Path, folder: Path, request: dict) -> None:
        asked, queries, heard = self.asked, self.queries, list[Heard]()
        if asked.auto:
            heard = detect(self.model, path, asked.threshold)
            queries = [*queries, *self._queries_of(heard)]
            for stretch in heard:
                times = (*stretch[2:4], *stretch[1::3])
                logger.info("%s: %d to %d s: %s (%.2f)", readable(path), *times)
            if not heard:
                reason = "the detector hears nothing above"
                logger.info("%s: %s %g", readable(path), reason, asked.threshold)
            lost = without_query(self.model, heard)
            if lost:
                logger.warning(
                    "%s: heard, and not separated by --auto, for lack of an average embedding: %s; "
                    "stage 6 found no query targets for them, or did not run on an imported model; "
                    "give an example of each with --query",
                    *(readable(path), ", ".join(lost)),
                )
        job = Job(
            path, folder, queries, asked.residual, heard, request,
            asked.format, asked.confidence, self.stop,
        )  # fmt: skip
        record = separate_file(self.model, job, show_progress=asked.jobs == 1)
        for name, output in record["outputs"].items():
            file = readable(folder / output["file"])
            values = [value for value in output["confidence"] or [] if value is not None]
            mean = f" (mean confidence {np.mean(values):.2f})" if values else ""
            logger.info("%s: %s%s", file, name, mean)
            if output["num_clipped"]:
                logger.warning(
                    "%s: %d samples are clipped; --format wav holds them",
                    file,
                    output["num_clipped"],
                )

    def _queries_of(self, heard: list[Heard]) -> list[Query]:
        known = {query.name for query in self.queries}
        found = auto_queries(self.model, heard, self.asked.level)
        queries = [steer_away(query, self.others) for query in found if query.name not in known]
        refuse_not_finite(queries)
        return queries
