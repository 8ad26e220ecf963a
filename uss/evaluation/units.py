"""What stage 7 has to measure, in parts that shards share out: which rows, of which system."""

from pathlib import Path
from typing import NamedTuple

from uss.evaluation.cross_check import NUM_SAMPLED
from uss.evaluation.results import BOUND, UNTRAINED
from uss.layout import LISTS, MEASURED, mixtures_path
from uss.schema import Evaluate
from uss.seeding import rng
from uss.shards import parts
from uss.tables import Mixture, read_table


class Unit(NamedTuple):
    """One part of the work: rows of a list, through a system."""

    system: str
    list_name: str
    number: int
    rows: range
    num_parts: int


def mixture_lists(config: Evaluate) -> dict[str, Path]:
    """The lists of evaluate.yaml's split, without those that nobody had reason to write."""
    paths = {name: mixtures_path(name) for name in MEASURED}
    return {
        name: path
        for name, path in paths.items()
        if LISTS[name].split == config.split and (name == config.split or path.exists())
    }


def all_units(systems: list[str], config: Evaluate) -> list[Unit]:
    """All parts: of the systems, and of the two pseudo-systems."""
    result = []
    for list_name, path in mixture_lists(config).items():
        all_rows = parts(len(read_table(path, Mixture)), config.mixtures_per_part)
        for system in [*systems, UNTRAINED, BOUND]:
            for number, rows in enumerate(all_rows):
                result.append(Unit(system, list_name, number, rows, len(all_rows)))
    return result


def sampled(path: Path, config: Evaluate) -> set[int]:
    """The rows of a list that museval measures too."""
    num_mixtures = len(read_table(path, Mixture))
    num = min(NUM_SAMPLED, num_mixtures)
    return set(rng(config.seed, "museval_sample").choice(num_mixtures, num, replace=False).tolist())
