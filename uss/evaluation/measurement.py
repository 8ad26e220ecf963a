"""A part of stage 7: rows of a list through a system, into results/part_*.csv and its record."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from uss.data.anchor_set import AnchorSet
from uss.data.averages import (
    read_average_embeddings,
    refuse_other_classes,
    refuse_other_query,
)
from uss.data.dataset import Dataset
from uss.data.mixture_list import MixtureList
from uss.distributed import device
from uss.evaluation.results import BOUND, UNTRAINED
from uss.evaluation.units import Unit, sampled
from uss.files import Step, code_version, digest, digest_of
from uss.layout import DATA, EMBEDDINGS, EXPERIMENTS, LISTS, MEASURED, PANNS, mixtures_path
from uss.model_store.adoption import read_adoption
from uss.model_store.model_config import config_digest, newest_checkpoint, read_config
from uss.schema import Evaluate
from uss.seeding import torch_seed
from uss.tables import Result, write_table

if TYPE_CHECKING:
    from uss.evaluation.scoring import Separated
    from uss.model_store.loading import LoadedSeparator

# Mixtures that go through a network together on a CPU: the maps of more than these leave its caches
# (tests/benchmarks/stage7.py). A GPU takes evaluate.yaml's batch_size.
CPU_BATCH = 4
PSEUDO = (UNTRAINED, BOUND)


class Evaluation:
    """What all units share, loaded when the first one has to run.

    Args:
        name: of the experiment.
        systems: the reference of evaluate.yaml among them gives the pseudo-systems their settings,
            or else the first in the order of its tables, not the order in which they are asked for;
            one that was adopted only where all are.
    """

    def __init__(self, name: str, systems: list[str], config: Evaluate, dataset: Dataset) -> None:
        self.directory = EXPERIMENTS / name
        self.config = config
        self.dataset = dataset
        self.adopted = {system: read_adoption(self.directory / system) for system in systems}
        own = [system for system in systems if not self.adopted[system]]
        ordered = config.in_order(own or systems)
        self.leading = self.directory / (
            config.reference if config.reference in systems else ordered[0]
        )
        self.weights = {
            system: digest(newest_checkpoint(self.directory / system)) for system in systems
        }
        self.sampled = sampled(mixtures_path(config.split), config)
        self.anchors: dict[str, AnchorSet] = {}
        self.costs: dict[Path, dict] = {}  # of model directories; counting takes a moment

    def model_directory(self, system: str) -> Path:
        return self.leading if system in PSEUDO else self.directory / system

    def is_adopted(self, system: str) -> bool:
        return self.adopted[self.model_directory(system).name] is not None

    def averages_path(self, system: str) -> Path:
        """An adopted model has averages of its own."""
        is_adopted = self.is_adopted(system)
        return (self.model_directory(system) if is_adopted else self.directory) / EMBEDDINGS

    def batch_size(self) -> int:
        """Mixtures that go through a network together, here."""
        on_cpu = device().type == "cpu"
        return min(self.config.batch_size, CPU_BATCH) if on_cpu else self.config.batch_size

    def anchors_of(self, list_name: str) -> AnchorSet:
        if list_name not in self.anchors:
            place = LISTS[list_name]
            self.anchors[list_name] = AnchorSet(DATA / place.split, place.anchors)
        return self.anchors[list_name]

    def mixtures(self, list_name: str) -> MixtureList:
        return MixtureList(mixtures_path(list_name), self.anchors_of(list_name))

    def step(self, unit: Unit) -> Step:
        """The record that decides whether the unit has to run."""
        model = self.model_directory(unit.system)
        is_pseudo = unit.system in PSEUDO
        anchors = self.anchors_of(unit.list_name)
        inputs: dict[str, Path | str | None] = {
            "mixtures": mixtures_path(unit.list_name),
            "anchors": anchors.packed.digest,
            "average_embeddings": None if unit.system == BOUND else self.averages_path(unit.system),
            "model": made_with(unit.system, read_config(model))
            if is_pseudo
            else model / "config.yaml",
            "weights": self.weights.get(unit.system),
        }
        if self.is_adopted(unit.system):
            inputs["panns"] = model / PANNS
        settings = {
            "rows": [unit.rows.start, unit.rows.stop],
            "batch_size": self.config.batch_size,  # whatever the device makes of it
            "museval": sorted(self.checked_rows(unit)),
            "seed": self.config.seed if unit.system == UNTRAINED else None,  # initial weights
        }
        folder = self.directory / unit.system / MEASURED[unit.list_name]
        output = folder / f"part_{unit.number:04d}.csv"
        return Step(output, inputs, settings)

    def checked_rows(self, unit: Unit) -> set[int]:
        return self.sampled & set(unit.rows) if unit.list_name == self.config.split else set()

    def load(self, system: str, anchors: AnchorSet) -> "LoadedSeparator":
        """A system's separator, on the GPU where there is one.

        Raises:
            ValueError: it takes another rate or query than the anchors have.
        """
        import torch

        from uss.model_store.loading import load_separator

        torch.manual_seed(torch_seed(self.config.seed, "initial_weights"))
        model = self.model_directory(system)
        loaded = load_separator(model, trained=system != UNTRAINED)
        loaded.separator.to(device())
        if self.is_adopted(system):
            return loaded  # it has queries of its own, and what it hears is resampled
        anchors.refuse_shorter(loaded.system.stft.window_size)
        if loaded.sample_rate != anchors.sample_rate:
            raise ValueError(
                f"{model} separates audio of {loaded.sample_rate} Hz, "
                f"{anchors.packed.folder} has {anchors.sample_rate} Hz"
            )
        query_size = anchors.query_size(loaded.system.query_field)
        if query_size != loaded.query_size:
            raise ValueError(
                f"{model} takes a query of {loaded.query_size} values, {anchors.packed.folder} "
                f"has {query_size}: name its own query encoder in pretrained.yaml, run from stage 2"
            )
        return loaded

    def separations(
        self, system: str, loaded: "LoadedSeparator", mixtures: MixtureList, rows: Sequence[int]
    ) -> "Iterator[Separated]":
        """Rows of a list through a system."""
        from uss.evaluation import scoring

        if system == BOUND:
            estimator = scoring.ideal_estimates(loaded.system, device())
        else:
            path = self.averages_path(system)
            averages = read_average_embeddings(path)
            refuse_other_query(averages, loaded.system, loaded.query_size, path)
            refuse_other_classes(averages, self.dataset.classes, path)
            estimator = scoring.separator_estimates(loaded.separator, averages)
        if self.is_adopted(system):
            from uss.evaluation.adopted_estimates import adopted_estimates
            from uss.model_store.own_panns import OwnEncoder

            encoder, rate = OwnEncoder(self.model_directory(system)), mixtures.anchors.sample_rate
            estimator = adopted_estimates(estimator, encoder, rate, loaded.system.normalization)
        return scoring.separations(
            estimator,
            loaded.system.normalization,
            mixtures,
            rows,
            self.dataset.classes.ids,
            self.batch_size(),
            device(),
        )

    def run(self, unit: Unit, step: Step) -> None:
        from uss.evaluation.cross_check import CrossCheck
        from uss.evaluation.scoring import score
        from uss.models.cost import separator_cost

        mixtures = self.mixtures(unit.list_name)
        loaded = self.load(unit.system, mixtures.anchors)
        checked = CrossCheck(self.checked_rows(unit))
        separated = self.separations(unit.system, loaded, mixtures, unit.rows)
        write_table(step.output, score(unit.system, separated, mixtures, checked), Result)
        model = self.model_directory(unit.system)
        if model not in self.costs:
            cost = separator_cost(
                loaded.separator,
                loaded.query_size,
                loaded.sample_rate,
                round(mixtures.anchors.seconds * loaded.sample_rate),
            )
            self.costs[model] = asdict(cost)
        seed, training_commit = step.settings["seed"], None
        if unit.system not in PSEUDO:
            seed = loaded.config["training"]["seed"]
            training_commit = loaded.config["facts"].get("code")
        step.finish(
            config_digest=made_with(unit.system, loaded.config),
            seed=seed,
            list_digest=digest(mixtures_path(unit.list_name)),
            num_classes=len(self.dataset.classes),
            num_parts=unit.num_parts,
            museval={"num": checked.num, "max_difference": checked.max_difference},
            cost=self.costs[model],
            commit=code_version(),
            training_commit=training_commit,
            adopted=self.origin(unit.system, loaded.sample_rate),
        )

    def origin(self, system: str, sample_rate: int) -> dict | None:
        """Of an adopted system, for the report."""
        adoption = self.adopted.get(system)
        if adoption is None:
            return None
        return {"from": adoption.adopted_from, "sample_rate": sample_rate}


def made_with(system: str, config: dict) -> str:
    """The digest of all in a config.yaml that a system's results depend on.

    The pseudo-systems are no training's: they stay as they are when another system is added, or
    when the one that gives them their settings is trained on.
    """
    if system == UNTRAINED:
        facts = {key: config["facts"].get(key) for key in ("query_size", "sample_rate", "amae")}
        return digest_of([config["system"], facts])
    if system == BOUND:
        return digest_of({key: config["system"].get(key) for key in ("stft", "normalization")})
    return config_digest(config)
