"""The results files of systems, checked and aligned: only like is compared with like.

`exp/<name>/<system>/<folder>/part_0000.csv` holds rows of one system on one list (`folder` is
`results`, or `results_sed` for the list of detected anchors); the record beside a part says, among
its facts, how many parts there are, of which list and how many classes, made by what.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss.evaluation.statistics import Strata
from uss.files import digest, meta_path, read_facts, read_json
from uss.tables import Result, read_table

EMBEDDINGS = ("oracle", "average")
BOUND = "ideal_ratio_mask"  # pseudo-system: uses the truth, so its only embedding is `oracle`
UNTRAINED = "untrained"  # pseudo-system: the network's initial weights

FACTS = (
    "config_digest",
    "seed",
    "list_digest",
    "num_classes",
    "num_parts",
    "cost",
    "museval",
    "commit",
    "training_commit",
)
SAME_IN_ALL_PARTS = ("config_digest", "seed", "list_digest", "num_classes", "num_parts")
REMEDY = "./run.sh --stage 7"


class SystemResults(NamedTuple):
    """All rows of a system on a list, sorted, and the facts that its parts agree on.

    below_zero: where rows are means over trainings, for each row the share of the trainings whose
    SI-SDR is below 0 dB, which the mean does not tell.
    """

    system: str
    results: list[Result]
    facts: dict
    below_zero: list[float] | None = None

    def shares_below_zero(self) -> list[float]:
        """Of each row, in order; 0 or 1 for one training."""
        if self.below_zero is not None:
            return self.below_zero
        return [float(row.si_sdr < 0) for row in self.results]


def part_paths(directory: Path) -> list[Path]:
    """The parts that are there; `directory` is exp/<name>/<system>/<folder>."""
    return sorted(directory.glob("part_*.csv"))


def read_system(directory: Path) -> SystemResults:
    """Read all parts of a system.

    Raises:
        ValueError: a part that is missing, superfluous, edited, or made under other conditions than
            its siblings; an embedding without rows.
    """
    system = directory.parent.name
    paths = part_paths(directory)
    if not paths:
        raise ValueError(f"{directory} has no results; {REMEDY} --systems {system}")
    facts = _common_facts(paths)
    expected = [directory / f"part_{i:04d}.csv" for i in range(facts["num_parts"])]
    if paths != expected:
        wrong = sorted({path.name for path in paths} ^ {path.name for path in expected})
        raise ValueError(
            f"{directory}: {len(paths)} parts of {len(expected)}; missing or superfluous: "
            f"{', '.join(wrong[:5])}; remove what is superfluous and {REMEDY} --systems {system}"
        )
    results = []
    for path in paths:
        if digest(path) != read_json(meta_path(path))["output"]["digest"]:
            raise ValueError(f"{path} was edited after it was written; remove it and {REMEDY}")
        results += read_table(path, Result)
    foreign = {row.system for row in results} - {system}
    if foreign:
        raise ValueError(f"{directory} holds rows of {', '.join(sorted(foreign))}; {REMEDY}")
    for embedding in ("oracle",) if system == BOUND else EMBEDDINGS:
        if not any(row.embedding == embedding for row in results):
            raise ValueError(f"{directory} has no rows of the {embedding} embedding; {REMEDY}")
    return SystemResults(system, sorted(results), facts)


def _common_facts(paths: list[Path]) -> dict:
    common: dict = {}
    for path in paths:
        facts = read_facts(path)
        absent = [key for key in FACTS if key not in facts]
        if absent:
            raise ValueError(f"{meta_path(path)} lacks {', '.join(absent)}; {REMEDY}")
        common = common or facts
        for key in SAME_IN_ALL_PARTS:
            if facts[key] != common[key]:
                raise ValueError(
                    f"{path}: {key} is {facts[key]}, in {paths[0].name} it is {common[key]}; "
                    f"remove {path.parent} and {REMEDY}"
                )
    commits = list(dict.fromkeys(read_facts(path)["commit"] for path in paths))
    checks = [read_facts(path)["museval"] for path in paths]
    museval = {
        "num": sum(check["num"] for check in checks),
        "max_difference": max(check["max_difference"] for check in checks),
    }
    return {**common, "commit": ", ".join(commits), "museval": museval}


class Scores:
    """The results of several systems on one list as arrays.

    Attributes:
        list_digest: SHA-256 of the mixture list.
        num_classes: classes of the recipe, with or without mixtures.
        mixture_ids, class_ids, groups: (M) of the list.
        strata: of the same mixtures.
        columns: (K) pairs of system and embedding.
        values: metric -> (K, M): "sdr", "sdri" and "si_sdr" in dB; "below_zero", the share of
            trainings (of one: 0 or 1) whose SI-SDR is below 0 dB.
    """

    def __init__(self, systems: list[SystemResults]) -> None:
        """Raises ValueError, naming the systems, where lists or mixtures differ."""
        _refuse_differences(systems)
        first = systems[0]
        self.list_digest: str = first.facts["list_digest"]
        self.num_classes: int = first.facts["num_classes"]
        mixtures = sorted({(row.mixture_id, row.class_id, row.group) for row in first.results})
        self.mixture_ids = [mixture_id for mixture_id, _, _ in mixtures]
        self.class_ids = [class_id for _, class_id, _ in mixtures]
        self.groups = [group for _, _, group in mixtures]
        self.strata = Strata(self.class_ids, self.groups)
        self.columns: list[tuple[str, str]] = []
        values: dict[str, list] = {"sdr": [], "sdri": [], "si_sdr": [], "below_zero": []}
        for of_system in systems:
            system = of_system.system
            shared = list(zip(of_system.results, of_system.shares_below_zero(), strict=True))
            for embedding in EMBEDDINGS:
                rows = [row for row, _ in shared if row.embedding == embedding]
                if not rows:
                    continue  # the bound; read_system has refused it elsewhere
                found = [(row.mixture_id, row.class_id, row.group) for row in rows]
                _refuse_other_mixtures(mixtures, found, first.system, f"{system} ({embedding})")
                self.columns.append((system, embedding))
                for metric in ("sdr", "sdri", "si_sdr"):
                    values[metric].append([getattr(row, metric) for row in rows])
                values["below_zero"].append([s for row, s in shared if row.embedding == embedding])
        self.values = {metric: np.array(rows) for metric, rows in values.items()}

    def column(self, system: str, embedding: str) -> int | None:
        """The row of `values`, None where the system has no such results."""
        key = (system, embedding)
        return self.columns.index(key) if key in self.columns else None

    def of(self, system: str, embedding: str, metric: str) -> dict[str, float]:
        """mixture_id -> value."""
        row = self.values[metric][self.columns.index((system, embedding))]
        return dict(zip(self.mixture_ids, row.tolist(), strict=True))


def _refuse_differences(systems: list[SystemResults]) -> None:
    for key, what in (("list_digest", "lists"), ("num_classes", "numbers of classes")):
        by_value: dict = {}
        for found in systems:
            by_value.setdefault(found.facts[key], []).append(found.system)
        if len(by_value) > 1:
            shown = "; ".join(
                f"{str(value)[:12]}: {', '.join(names)}" for value, names in by_value.items()
            )
            raise ValueError(
                f"these systems were evaluated on different {what} and cannot be compared "
                f"({shown}); {REMEDY} for all of them"
            )


def _refuse_other_mixtures(expected: list, found: list, first: str, other: str) -> None:
    if expected == found:  # both are sorted by mixture id
        return
    difference = sorted(set(expected) ^ set(found))
    example = difference[0][0] if difference else "one stands twice"
    raise ValueError(
        f"{first} has {len(expected)} mixtures, {other} {len(found)}, and they differ "
        f"({example}); {REMEDY} for both"
    )
