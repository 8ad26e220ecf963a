"""Many recordings in one call: what goes where, what is done already, and what failed."""

import logging
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uss.audio import BadAudio
from uss.faults import described, remedy
from uss.files import digest_of
from uss.separation.detection import Heard, auto_queries, detect
from uss.separation.file_separation import Job, is_done, request_of, separate_file
from uss.separation.inputs import plan
from uss.separation.lock import locked
from uss.separation.model import Model, Query
from uss.separation.names import readable
from uss.separation.queries import example_query, save_query, steer_away
from uss.separation.separation_report import draw, is_drawn, write_report

logger = logging.getLogger(__name__)


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
        residual: write the rest too; spectrogram: a picture of each output; report: a page.
    """

    inputs: list[Path]
    model: Path
    output: Path
    classes: list[str]
    queries: list[Path]
    save_query: Path | None
    auto: bool
    level: int
    threshold: float
    others: list[str]
    residual: bool
    spectrogram: bool
    report: bool


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
    model = Model(asked.model)
    others = [model.class_query(name) for name in asked.others]
    queries = [steer_away(query, others) for query in fixed_queries(model, asked)]
    refuse_not_finite(queries)
    try:
        asked.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = f"{error.strerror}; {remedy(error)}"
        raise ValueError(f"--output {readable(asked.output)}: {reason}") from None
    settings = {
        "queries": {query.name: digest_of(query.values.tolist()) for query in queries},
        "auto": [asked.level, asked.threshold, model.panns_digest] if asked.auto else None,
        "not": digest_of([other.values.tolist() for other in others]) if others else None,
        "residual": asked.residual,
    }
    for path, reason in refused.items():
        logger.error("%s: %s", readable(path), reason)
    done: dict[Path, Path] = {}
    num_separated, num_failed = 0, len(refused)
    for path, folder in folders.items():
        try:
            if not path.is_file():
                raise BadAudio("missing")
            request = request_of(model, path, settings)
            if is_done(folder, request):
                logger.info("skip %s: %s holds its outputs", readable(path), readable(folder))
            else:
                with locked(folder):
                    if not is_done(folder, request):  # another process may have done it
                        _separate(model, path, folder, queries, others, request, asked)
                        num_separated += 1
            done[path] = folder
            if asked.spectrogram:
                _draw(path, folder)
        except (ValueError, OSError, RuntimeError, MemoryError) as error:
            logger.error("%s: %s", readable(path), described(error))
            num_failed += path not in done
    logger.info(
        "%d separated, %d skipped as done, %d failed",
        num_separated,
        len(done) - num_separated,
        num_failed,
    )
    if asked.report:
        write_report(done, len(folders), asked.output, asked.spectrogram)
    return num_failed


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


def _separate(
    model: Model,
    path: Path,
    folder: Path,
    queries: list[Query],
    others: list[Query],
    request: dict,
    asked: Request,
) -> None:
    heard: list[Heard] = []
    if asked.auto:
        heard = detect(model, path, asked.threshold)
        known = {query.name for query in queries}
        found = auto_queries(model, heard, asked.level)
        queries = [*queries, *(steer_away(q, others) for q in found if q.name not in known)]
        refuse_not_finite(queries)
        for stretch in heard:
            logger.info("%s: %d to %d s: %s (%.2f)", readable(path), *stretch[2:4], *stretch[1::3])
        if not heard:
            logger.info("%s: the detector hears nothing above %g", readable(path), asked.threshold)
    job = Job(path, folder, queries, asked.residual, heard, request)
    record = separate_file(model, job)
    for name, output in record["outputs"].items():
        values = [value for value in output["confidence"] or [] if value is not None]
        mean = f" (mean confidence {np.mean(values):.2f})" if values else ""
        logger.info("%s: %s%s", readable(folder / output["file"]), name, mean)
