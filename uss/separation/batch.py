"""Many recordings in one call: what goes where, what is done already, and what failed."""

import argparse
import logging
from pathlib import Path

import numpy as np

from uss.audio import BadAudio
from uss.files import digest_of
from uss.separation.detection import Heard, auto_queries, detect
from uss.separation.files import Job, is_done, request_of, separate_file
from uss.separation.model import Model, Query
from uss.separation.queries import example_query, save_query, steer_away
from uss.separation.report import draw, write_report

AUDIO_SUFFIXES = {
    ".wav", ".flac", ".ogg", ".opus", ".mp3", ".aif", ".aiff", ".w64", ".rf64", ".caf", ".au",
    ".m4a", ".mp4", ".aac", ".webm", ".mka", ".mkv", ".mov",
}  # fmt: skip

logger = logging.getLogger(__name__)


def plan(inputs: list[Path], output: Path) -> dict[Path, Path]:
    """Input file -> folder of its outputs, which mirror the tree of an input folder.

    Where files of a folder differ in their suffix only, the suffix stays in the name.

    Raises:
        ValueError: no such folder's files, or two inputs for one folder.
    """
    found: list[tuple[Path, Path]] = []  # (file, path below the output)
    for path in inputs:
        if path.is_dir():
            files = sorted(p for p in path.rglob("*") if p.suffix.lower() in AUDIO_SUFFIXES)
            files = [p for p in files if output.resolve() not in p.resolve().parents]
            if not files:
                raise ValueError(f"{path}: no audio files in this folder")
            found += [(file, file.relative_to(path)) for file in files]
        else:
            found.append((path, Path(path.name)))
    stems = [below.with_suffix("") for _, below in found]
    result: dict[Path, Path] = {}
    for (file, below), stem in zip(found, stems, strict=True):
        folder = output / (stem if stems.count(stem) == 1 else below)
        if folder in result.values() and file not in result:
            raise ValueError(
                f"{file} and another input would both be written to {folder}; separate them in "
                "two calls with an --output each"
            )
        result[file] = folder
    return result


def fixed_queries(model: Model, options: argparse.Namespace) -> list[Query]:
    """What --class and --query ask for."""
    queries = [model.class_query(name) for name in options.classes]
    for path in options.queries:
        queries.append(example_query(model, path))
        if options.save_query:
            save_query(model, queries[-1], options.save_query)
    return queries


def separate_all(options: argparse.Namespace) -> int:
    """Separate all inputs; the number of those that failed.

    Raises:
        ValueError: nothing can be done at all.
    """
    folders = plan(options.inputs, options.output)
    model = Model(options.model)
    others = [model.class_query(name) for name in options.others]
    queries = [steer_away(query, others) for query in fixed_queries(model, options)]
    try:
        options.output.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f"--output {options.output}: {error.strerror}") from None
    settings = {
        "queries": {query.name: digest_of(query.vector.tolist()) for query in queries},
        "auto": [options.level, options.threshold, model.panns_digest] if options.auto else None,
        "not": digest_of([other.vector.tolist() for other in others]) if others else None,
        "residual": options.residual,
    }
    num_skipped, failed = 0, []
    for path, folder in folders.items():
        try:
            if not path.is_file():
                raise BadAudio("missing")
            request = request_of(model, path, settings)
            if is_done(folder, request):
                logger.info("skip %s: %s holds its outputs", path, folder)
                num_skipped += 1
            else:
                _separate(model, path, folder, queries, others, request, options)
            if options.spectrogram:
                draw(path, folder)
        except (ValueError, OSError) as error:
            logger.error("%s: %s", path, error)
            failed.append(path)
    if options.report:
        write_report(folders, options.output, options.spectrogram)
    logger.info(
        "%d separated, %d skipped as done, %d failed",
        len(folders) - num_skipped - len(failed),
        num_skipped,
        len(failed),
    )
    return len(failed)


def _separate(model, path, folder, queries, others, request, options) -> None:
    heard: list[Heard] = []
    if options.auto:
        heard = detect(model, path, options.threshold)
        known = {query.name for query in queries}
        found = auto_queries(model, heard, options.level)
        queries = [*queries, *(steer_away(q, others) for q in found if q.name not in known)]
        for stretch in heard:
            logger.info("%s: %d to %d s: %s (%.2f)", path, *stretch[2:4], *stretch[1::3])
        if not heard:
            logger.info("%s: the detector hears nothing above %g", path, options.threshold)
    job = Job(path, folder, queries, options.residual, heard, request)
    record = separate_file(model, job)
    for name, output in record["outputs"].items():
        values = [value for value in output["confidence"] or [] if value is not None]
        mean = f" (mean confidence {np.mean(values):.2f})" if values else ""
        logger.info("%s: %s%s", folder / output["file"], name, mean)
