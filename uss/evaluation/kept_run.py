"""The small results of a run as data, which outlive data/ and checkpoints, and can be pooled.

results.csv, results_dev.csv    every system's rows on the evaluation and the development list
provenance.json                 by list and system, what the rows were made with; digests of the
                                tables; the probe of the A-MAE; how many anchors hit
classes.csv
configs/<model>.yaml            config.yaml of each system, the detector and the A-MAE
train/<model>.jsonl             and its training
figure3.png
"""

from pathlib import Path
from typing import NamedTuple

from uss.evaluation.results import BOUND, SystemResults, part_paths, read_system
from uss.files import digest, meta_path, read_json, write_json
from uss.tables import Result, read_table, write_table

LISTS = ("results", "results_dev")
PROVENANCE = "provenance.json"
REMEDY = "uss.bin.keep_results writes it"


class Measured(NamedTuple):
    """A system's rows on a list, and the digests of all that they were made from."""

    results: SystemResults
    inputs: dict[str, str | None]


class KeptModel(NamedTuple):
    """Where a model's files lie; the training's may be absent."""

    config: Path
    log: Path


def kept_model(run: Path, model: str) -> KeptModel:
    return KeptModel(run / "configs" / f"{model}.yaml", run / "train" / f"{model}.jsonl")


def measured(directory: Path) -> Measured:
    """Of exp/<name>/<system>/<list>; raises ValueError as `read_system` does."""
    results = read_system(directory)
    return Measured(results, read_json(meta_path(part_paths(directory)[0]))["inputs"])


def write_results(
    run: Path, lists: dict[str, list[Measured]], probe: dict | None, anchors: dict | None
) -> None:
    """Write tables and provenance.

    Args:
        lists: list -> each system that was measured on it.
        probe, anchors: data/amae_probe.json and data/anchors.json, where the recipe has them.
    """
    provenance: dict = {"lists": {}, "amae_probe": probe, "anchors": anchors}
    for name, systems in lists.items():
        path = run / f"{name}.csv"
        write_table(path, [row for results, _ in systems for row in results.results], Result)
        provenance["lists"][name] = {
            "digest": digest(path),
            "systems": {
                results.system: {"facts": results.facts, "inputs": inputs}
                for results, inputs in systems
            },
        }
    write_json(run / PROVENANCE, provenance)


def read_results(run: Path, name: str) -> list[SystemResults]:
    """Each system of a list, by name, the bound last; empty where the run was not measured on it.

    Raises:
        ValueError: no kept run, a table that was edited, or one with other systems than recorded.
    """
    recorded = read_provenance(run)["lists"].get(name)
    if recorded is None:
        return []
    path = run / f"{name}.csv"
    rows: dict[str, list[Result]] = {system: [] for system in recorded["systems"]}
    if digest(path) != recorded["digest"]:
        raise ValueError(f"{path} was edited after it was written; {REMEDY}")
    for row in read_table(path, Result):
        rows.setdefault(row.system, []).append(row)
    if rows.keys() != recorded["systems"].keys() or not all(rows.values()):
        raise ValueError(f"{path} and {PROVENANCE} name different systems; {REMEDY}")
    ordered = sorted(rows, key=lambda system: (system == BOUND, system))
    return [SystemResults(s, rows[s], recorded["systems"][s]["facts"]) for s in ordered]


def read_provenance(run: Path) -> dict:
    """Raises ValueError where the folder is no kept run."""
    path = run / PROVENANCE
    if not path.exists():
        raise ValueError(f"{path} is missing: {run} is no kept run; {REMEDY}")
    content = read_json(path)
    if not isinstance(content.get("lists"), dict):
        raise ValueError(f"{path} lacks the lists; {REMEDY}")
    return content
