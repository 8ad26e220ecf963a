"""The tables of whole recordings: results_recordings.csv and table1_recordings.md."""

from pathlib import Path

import numpy as np

from uss.evaluation.results import EMBEDDINGS, read_system
from uss.labels import Classes
from uss.layout import RECORDINGS, RECORDINGS_RESULTS
from uss.reporting.experiment_report import compare_on_list, log_systems
from uss.reporting.results_markdown import comparison_markdown
from uss.reporting.results_table import ABSENT, Table, decibels, markdown
from uss.schema import Evaluate
from uss.tables import FramesResult, Result, read_table, write_table
from uss.writing import write_text

HEADING = "**SDR of museval, BSS Eval v4: median over frames of 1 s, then over recordings**"
SILENT = "Frames in which a reference or an estimate is silent do not count."


def write_recordings_tables(
    experiment: Path, systems: list[str], classes: Classes, config: Evaluate
) -> None:
    folders = [experiment / system / RECORDINGS_RESULTS for system in systems]
    results = [read_system(folder) for folder in folders]
    _, comparison = compare_on_list(results, RECORDINGS, classes, config)
    rows = [row for of_system in results for row in of_system.results]
    write_table(experiment / f"{RECORDINGS_RESULTS}.csv", rows, Result)
    frames = [
        row
        for folder, of_system in zip(folders, results, strict=True)
        for number in range(of_system.facts["num_parts"])
        for row in read_table(folder / f"frames_{number:04d}.csv", FramesResult)
    ]
    table = experiment / "table1_recordings.md"
    parts = [HEADING, markdown(frames_table(frames, systems, classes)).strip(), SILENT]
    write_text(table, "\n\n".join([comparison_markdown(comparison), *parts]) + "\n")
    log_systems(table, comparison)


def frames_table(frames: list[FramesResult], systems: list[str], classes: Classes) -> Table:
    """A row for each system and embedding, a column for each class, and their mean."""
    rows = []
    for system in systems:
        for embedding in EMBEDDINGS:
            of_class: dict[str, list[float]] = {class_id: [] for class_id in classes.ids}
            for row in frames:
                if (row.system, row.embedding) == (system, embedding):
                    of_class[row.class_id].append(row.museval_sdr)
            medians = [float(np.median(found)) if found else None for found in of_class.values()]
            known = [median for median in medians if median is not None]
            mean = decibels(float(np.mean(known))) if known else ABSENT
            rows.append([f"{system}, {embedding}", *map(decibels, medians), mean])
    return Table(["system, embedding", *classes.names, "mean"], rows)
