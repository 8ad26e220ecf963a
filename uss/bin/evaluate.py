"""Stage 7: SDR, SDRi and SI-SDR of every evaluation mixture, for each system and embedding.

Reads data/mixtures/eval.csv (and eval_sed.csv, and eval_imported.csv of import_mixtures),
data/eval/anchors/, exp/<name>/<system>/, exp/<name>/average_embeddings.h5; conf/evaluate.yaml.
Writes exp/<name>/<system>/results/part_0000.csv (results_sed/ for eval_sed.csv, results_imported/).
Two pseudo-systems stand beside the systems: the bound `ideal_ratio_mask`, and `untrained`, the
first system with its initial weights. A sample of the mixtures is measured with museval too.
With evaluate.split dev it is data/mixtures/dev.csv alone, into results_dev/: for whatever is chosen
by its results. Sharded over systems and parts.

    SHARD=1 NUM_SHARDS=4 python -m uss.bin.evaluate --name paper --systems resunet mae_frozen
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tqdm import tqdm

from uss.bin.command import add_name, add_systems, parser, run
from uss.config import load
from uss.data.anchors import AnchorSet
from uss.data.averages import read_average_embeddings, refuse_other_query
from uss.data.dataset import Dataset
from uss.data.mixtures import MixtureList
from uss.evaluation.cross_check import NUM_SAMPLED
from uss.evaluation.results import BOUND, UNTRAINED
from uss.files import Step, code_version, digest
from uss.schema import Evaluate
from uss.seeding import rng, torch_seed
from uss.shards import mine, parts
from uss.tables import Mixture, Result, read_table, write_table
from uss.training.model_config import config_digest, newest_checkpoint

if TYPE_CHECKING:
    from uss.evaluation.scoring import Separated
    from uss.training.model_directory import LoadedSeparator

LISTS = {  # list: (split, anchors, folder of the results)
    "eval": ("eval", "anchors", "results"),
    "eval_sed": ("eval", "sed_anchors", "results_sed"),
    "eval_imported": ("eval", "imported_anchors", "results_imported"),
    "dev": ("dev", "anchors", "results_dev"),
}

DATA = Path("data")


class Unit(NamedTuple):
    """One part of the work: rows of a list, through a system."""

    system: str
    list_name: str
    number: int
    rows: range
    num_parts: int


def mixture_lists(config: Evaluate) -> dict[str, Path]:
    """The lists of evaluate.yaml's split, without those that nobody had reason to write."""
    paths = {name: DATA / "mixtures" / f"{name}.csv" for name in LISTS}
    return {
        name: path
        for name, path in paths.items()
        if LISTS[name][0] == config.split and (name == config.split or path.exists())
    }


def units(systems: list[str], config: Evaluate) -> list[Unit]:
    """All parts."""
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


class Evaluation:
    """What all units share, loaded when the first one has to run."""

    def __init__(self, name: str, systems: list[str], config: Evaluate, dataset: Dataset) -> None:
        self.directory = Path("exp") / name
        self.config = config
        self.dataset = dataset
        self.first = self.directory / systems[0]
        self.weights = {
            system: digest(newest_checkpoint(self.directory / system)) for system in systems
        }
        self.averages_path = self.directory / "average_embeddings.h5"
        self.sampled = sampled(DATA / "mixtures" / f"{config.split}.csv", config)
        self.anchors: dict[str, AnchorSet] = {}
        self.costs: dict[Path, dict] = {}  # of model directories; counting takes a moment

    def model_directory(self, system: str) -> Path:
        return self.first if system in (UNTRAINED, BOUND) else self.directory / system

    def anchors_of(self, list_name: str) -> AnchorSet:
        if list_name not in self.anchors:
            split, name, _ = LISTS[list_name]
            self.anchors[list_name] = AnchorSet(DATA / split, name)
        return self.anchors[list_name]

    def mixtures(self, list_name: str) -> MixtureList:
        path = DATA / "mixtures" / f"{list_name}.csv"
        return MixtureList(path, self.anchors_of(list_name))

    def step(self, unit: Unit) -> Step:
        """The record that decides whether the unit has to run."""
        model = self.model_directory(unit.system)
        anchors = self.anchors_of(unit.list_name)
        inputs: dict[str, Path | str | None] = {
            "mixtures": DATA / "mixtures" / f"{unit.list_name}.csv",
            "anchors": anchors.packed.digest,
            "average_embeddings": None if unit.system == BOUND else self.averages_path,
            "model": model / "config.yaml",
            "weights": self.weights.get(unit.system),
        }
        settings = {
            "rows": [unit.rows.start, unit.rows.stop],
            "batch_size": self.config.batch_size,
            "museval": sorted(self.checked_rows(unit)),
            "seed": self.config.seed if unit.system == UNTRAINED else None,  # initial weights
        }
        folder = LISTS[unit.list_name][2]
        output = self.directory / unit.system / folder / f"part_{unit.number:04d}.csv"
        return Step(output, inputs, settings)

    def checked_rows(self, unit: Unit) -> set[int]:
        return self.sampled & set(unit.rows) if unit.list_name == self.config.split else set()

    def load(self, system: str, anchors: AnchorSet) -> "LoadedSeparator":
        """A system's separator, on the GPU where there is one.

        Raises:
            ValueError: it takes another rate or query than the anchors have.
        """
        import torch

        from uss.training.model_directory import load_separator
        from uss.training.trainer import device

        torch.manual_seed(torch_seed(self.config.seed, "initial_weights"))
        model = self.model_directory(system)
        loaded = load_separator(model, trained=system != UNTRAINED)
        loaded.separator.to(device())
        anchors.refuse_shorter(loaded.system.stft.window_size)
        if loaded.sample_rate != anchors.sample_rate:
            raise ValueError(
                f"{model} separates audio of {loaded.sample_rate} Hz, "
                f"{anchors.packed.folder} has {anchors.sample_rate} Hz"
            )
        (query_size,) = anchors.packed.width(loaded.system.query_field)
        if query_size != loaded.condition_size:
            raise ValueError(
                f"{model} takes a query of {loaded.condition_size} values, {anchors.packed.folder} "
                f"has {query_size}: name its own query encoder in pretrained.yaml, run from stage 2"
            )
        return loaded

    def separations(
        self, system: str, loaded: "LoadedSeparator", mixtures: MixtureList, rows: Sequence[int]
    ) -> "Iterator[Separated]":
        """Rows of a list through a system."""
        from uss.evaluation import scoring
        from uss.training.trainer import device

        if system == BOUND:
            estimator = scoring.ideal_estimates(loaded.system, device())
        else:
            averages = read_average_embeddings(self.averages_path)
            size = loaded.condition_size
            refuse_other_query(averages, loaded.system, size, self.averages_path)
            estimator = scoring.separator_estimates(loaded.separator, averages)
        return scoring.separations(
            estimator,
            loaded.system.normalization,
            mixtures,
            rows,
            self.dataset.classes.ids,
            self.config.batch_size,
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
                loaded.condition_size,
                loaded.sample_rate,
                mixtures.anchors.num_samples,
            )
            self.costs[model] = asdict(cost)
        step.finish(
            config_digest=config_digest(loaded.config),
            seed=loaded.config["training"]["seed"],
            list_digest=digest(DATA / "mixtures" / f"{unit.list_name}.csv"),
            num_classes=len(self.dataset.classes),
            num_parts=unit.num_parts,
            museval={"num": checked.num, "max_difference": checked.max_difference},
            cost=self.costs[model],
            commit=code_version(),
            training_commit=loaded.config["facts"].get("code"),
        )


def main(argv: list[str] | None = None) -> None:
    options = add_systems(add_name(parser(__doc__))).parse_args(argv)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    dataset = Dataset(DATA)
    evaluation = Evaluation(options.name, options.systems, config, dataset)
    for unit in tqdm(mine(units(options.systems, config)), disable=None):
        step = evaluation.step(unit)
        if not step.is_current():
            evaluation.run(unit, step)


if __name__ == "__main__":
    run(main)
