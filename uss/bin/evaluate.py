"""Stage 7: SDR, SDRi and SI-SDR of every evaluation mixture, for each system and embedding.

Reads data/mixtures/eval.csv (and eval_sed.csv, and eval_imported.csv of import_mixtures),
data/eval/anchors/, exp/<name>/<system>/, exp/<name>/average_embeddings.h5; conf/evaluate.yaml.
Writes exp/<name>/<system>/results/part_0000.csv (results_sed/ for eval_sed.csv, results_imported/)
and the example signals exp/<name>/examples/<mixture_id>/*.wav. Two pseudo-systems stand beside the
systems: the bound `ideal_ratio_mask`, and `untrained`, the first system with its initial weights.
Sharded over systems and parts.

    SHARD=1 NUM_SHARDS=4 python -m uss.bin.evaluate --name paper --systems resunet mae_frozen
"""

import logging
from pathlib import Path
from typing import NamedTuple

from tqdm import tqdm

from uss.bin.command import add_name, add_systems, parser, run
from uss.config import load
from uss.data.anchors import AnchorSet
from uss.data.averages import read_average_embeddings
from uss.data.dataset import Dataset
from uss.data.mixtures import MixtureList
from uss.evaluation.results import BOUND, UNTRAINED
from uss.files import Step, code_version, digest, digest_of
from uss.schema import Evaluate
from uss.seeding import rng, torch_seed
from uss.shards import mine, parts
from uss.tables import Mixture, Result, read_table, write_table
from uss.training.model_config import newest_checkpoint, read_config

LISTS = {  # list: (anchors, folder of the results)
    "eval": ("anchors", "results"),
    "eval_sed": ("sed_anchors", "results_sed"),
    "eval_imported": ("imported_anchors", "results_imported"),
}

DATA = Path("data")

logger = logging.getLogger(__name__)


class Unit(NamedTuple):
    """One part of the work: rows of a list, through a system."""

    system: str
    list_name: str
    number: int
    rows: range
    num_parts: int


def units(systems: list[str], dataset: Dataset, config: Evaluate) -> list[Unit]:
    """All parts; a list that nobody had reason to write is left out."""
    result = []
    for list_name in LISTS:
        path = dataset.data / "mixtures" / f"{list_name}.csv"
        if list_name != "eval" and not path.exists():
            continue
        all_rows = parts(len(read_table(path, Mixture)), config.mixtures_per_part)
        for system in [*systems, UNTRAINED, BOUND]:
            for number, rows in enumerate(all_rows):
                result.append(Unit(system, list_name, number, rows, len(all_rows)))
    return result


def examples(path: Path, config: Evaluate, directory: Path) -> dict[int, Path]:
    """Row of the list -> folder, for the mixtures that the page lets one listen to."""
    ids = [mixture.mixture_id for mixture in read_table(path, Mixture)]
    unknown = sorted(set(config.figure3_mixtures) - set(ids))
    if unknown:
        raise ValueError(f"evaluate.yaml: figure3_mixtures names {unknown[0]}, which {path} lacks")
    num = min(config.num_examples, len(ids))
    rows = set(rng(config.seed, "examples").choice(len(ids), num, replace=False).tolist())
    rows |= {ids.index(mixture_id) for mixture_id in config.figure3_mixtures}
    return {row: directory / "examples" / ids[row] for row in sorted(rows)}


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
        self.examples = examples(DATA / "mixtures" / "eval.csv", config, self.directory)
        self.anchors: dict[str, AnchorSet] = {}

    def model_directory(self, system: str) -> Path:
        return self.first if system in (UNTRAINED, BOUND) else self.directory / system

    def step(self, unit: Unit) -> Step:
        """The record that decides whether the unit has to run."""
        model = self.model_directory(unit.system)
        if unit.list_name not in self.anchors:
            self.anchors[unit.list_name] = AnchorSet(DATA / "eval", LISTS[unit.list_name][0])
        anchors = self.anchors[unit.list_name]
        inputs = {
            "mixtures": DATA / "mixtures" / f"{unit.list_name}.csv",
            "anchors": anchors.packed.digest,
            "average_embeddings": None if unit.system == BOUND else self.averages_path,
            "model": model / "config.yaml",
            "weights": self.weights.get(unit.system),
        }
        settings = {
            "rows": [unit.rows.start, unit.rows.stop],
            "batch_size": self.config.batch_size,
            "examples": [str(path) for path in self.unit_examples(unit).values()],
            "seed": self.config.seed if unit.system == UNTRAINED else None,  # initial weights
        }
        folder = LISTS[unit.list_name][1]
        output = self.directory / unit.system / folder / f"part_{unit.number:04d}.csv"
        return Step(output, inputs, settings)

    def unit_examples(self, unit: Unit) -> dict[int, Path]:
        if unit.list_name != "eval":
            return {}
        return {row: path for row, path in self.examples.items() if row in unit.rows}

    def is_current(self, unit: Unit, step: Step) -> bool:
        """As the record says, unless an example was removed."""
        current = step.is_current()
        for folder in self.unit_examples(unit).values():
            path = folder / f"{unit.system}.wav"
            if current and not path.exists():
                logger.info("run %s: %s was removed", step.output, path)
                return False
        return current

    def run(self, unit: Unit, step: Step) -> None:
        import torch

        from uss.evaluation import scoring
        from uss.training.model_directory import load_separator
        from uss.training.trainer import device

        anchors = self.anchors[unit.list_name]
        mixtures = MixtureList(DATA / "mixtures" / f"{unit.list_name}.csv", anchors)
        torch.manual_seed(torch_seed(self.config.seed, "initial_weights"))
        model = self.model_directory(unit.system)
        loaded = load_separator(model, trained=unit.system != UNTRAINED)
        loaded.separator.to(device())
        if loaded.sample_rate != anchors.sample_rate:
            raise ValueError(
                f"{model} separates audio of {loaded.sample_rate} Hz, "
                f"{anchors.packed.folder} has {anchors.sample_rate} Hz"
            )
        query = "embedding" if loaded.system.query == "embedding" else "probabilities"
        (query_size,) = anchors.packed.width(query)
        if query_size != loaded.condition_size:
            raise ValueError(
                f"{model} takes a query of {loaded.condition_size} values, {anchors.packed.folder} "
                f"has {query_size}: name its own query encoder in pretrained.yaml, run from stage 2"
            )
        if unit.system == BOUND:
            estimator = scoring.ideal_estimates(loaded.system, device())
        else:
            averages = read_average_embeddings(self.averages_path)
            estimator = scoring.separator_estimates(loaded.separator, averages)
        results = scoring.score(
            unit.system,
            estimator,
            loaded.system.normalization,
            mixtures,
            unit.rows,
            self.dataset.classes.ids,
            self.config.batch_size,
            device(),
            self.unit_examples(unit),
        )
        write_table(step.output, results, Result)
        model_config = read_config(model)
        step.finish(
            config_digest=digest_of({k: v for k, v in model_config.items() if k != "facts"}),
            seed=model_config["training"]["seed"],
            list_digest=digest(DATA / "mixtures" / f"{unit.list_name}.csv"),
            num_classes=len(self.dataset.classes),
            num_parts=unit.num_parts,
            num_parameters=sum(p.numel() for p in loaded.separator.parameters()),
            commit=code_version(),
        )


def main(argv: list[str] | None = None) -> None:
    options = add_systems(add_name(parser(__doc__))).parse_args(argv)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    dataset = Dataset(DATA)
    evaluation = Evaluation(options.name, options.systems, config, dataset)
    for unit in tqdm(mine(units(options.systems, dataset, config)), disable=None):
        step = evaluation.step(unit)
        if not evaluation.is_current(unit, step):
            evaluation.run(unit, step)


if __name__ == "__main__":
    run(main)
