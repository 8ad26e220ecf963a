"""A small recipe folder with results as stage 7 leaves them, made from planted numbers."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import yaml

from uss.audio import write_wav
from uss.config import load
from uss.evaluation.comparison import compare
from uss.evaluation.results import Scores, read_system
from uss.files import Step, digest, write_json, write_text
from uss.labels import read_classes
from uss.reporting.chosen_examples import choose_examples, signal_paths
from uss.reporting.example_signals import example_signals, examples_step
from uss.schema import Evaluate
from uss.tables import ClassRow, Mixture, Result, write_table

RATE = 8000
PAPER_SYSTEMS = ("resunet", "resunet_joint", "mae_frozen")
GAIN = {"resunet_joint": 0.0, "resunet": -0.3, "mae_frozen": 0.5, "untrained": -6.0}
GAIN |= {"baseline": 0.0, "ours": 0.7}


class PlantedResults:
    """Writes tables and lists in data/, conf/evaluate.yaml and exp/paper/ below a folder.

    Class c has SDRi 10 - c dB, give or take; mixtures of a class share `recordings` recordings. The
    SI-SDR is twice the SDRi minus 19 dB.
    """

    def __init__(self, folder: Path, num_classes: int = 4, recordings: int = 3) -> None:
        self.folder = folder
        self.experiment = folder / "exp" / "paper"
        self.classes = [
            ClassRow(c, f"/m/{c:03d}", f'Class <{c}> & "co", ${c}|x') for c in range(num_classes)
        ]
        write_table(folder / "data" / "classes.csv", self.classes, ClassRow)
        self.configure(summary="mean", num_draws=200)
        self.mixtures = [
            (f"-m_{c}_{i}", row.class_id, f"g{i % recordings}")
            for c, row in enumerate(self.classes[:-1])  # the last class has no data
            for i in range(2 * recordings)
        ]
        self.write_list("eval", self.mixtures)

    def list_path(self, name: str) -> Path:
        return self.folder / "data" / "mixtures" / f"{name}.csv"

    def write_list(self, name: str, mixtures: list) -> None:
        rows = [Mixture(mixture_id, "anchor", "other") for mixture_id, _, _ in mixtures]
        write_table(self.list_path(name), rows, Mixture)

    def configure(self, **keys: object) -> None:
        keys = {
            "reference": "resunet_joint",
            "system_order": list(PAPER_SYSTEMS),
            "figure2_systems": ["resunet", "mae_frozen"],
        } | keys
        write_text(self.folder / "conf" / "evaluate.yaml", yaml.safe_dump(keys))

    def rows(self, system: str, mixtures: list) -> list[Result]:
        rows = []
        for mixture_id, class_id, group in mixtures:
            easy = 10 - int(class_id[3:]) + 0.1 * int(group[1:])
            for embedding in ["oracle"] if system == "ideal_ratio_mask" else ["oracle", "average"]:
                sdri = easy + GAIN.get(system, 4.0) + 2.0 * (embedding == "oracle")
                values = (sdri, sdri, 2 * sdri - 19)
                rows.append(Result(system, embedding, mixture_id, class_id, group, *values))
        return rows

    def write_results(
        self, system: str, folder: str = "results", mixtures: list | None = None, **facts: object
    ) -> None:
        """Two parts."""
        mixtures = self.mixtures if mixtures is None else mixtures
        facts = {
            "config_digest": "c" * 64,
            "seed": 0,
            "list_digest": digest(self.list_path("eval")),
            "num_classes": len(self.classes),
            "num_parts": 2,
            "cost": {
                "num_trained": 1234567,
                "num_frozen": 89000 * system.startswith("mae"),
                "network_macs": 25_540_000_000,
                "amae_macs": 9_140_000_000 * system.startswith("mae"),
                "segment_seconds": 2.0,
            },
            "museval": {"num": 5, "max_difference": 2e-7},
            "commit": "abc1234",
            "training_commit": "fed9876",
            **facts,
        }
        half = len(mixtures) // 2
        for number, part in enumerate([mixtures[:half], mixtures[half:]]):
            path = self.experiment / system / folder / f"part_{number:04d}.csv"
            write_table(path, self.rows(system, part), Result)
            Step(path, {"mixtures": "d" * 64}, {}).finish(**facts)

    def write_training(self, directory: Path, num_lines: int = 40) -> None:
        write_text(directory / "config.yaml", yaml.safe_dump({"training": {"seed": 7}}))
        lines = [
            {
                "step": 10 * i,
                "loss": float(np.exp(-i / 20)),
                "learning_rate": 1e-3,
                "seconds": 36.0 * i,
            }
            for i in range(1, num_lines + 1)
        ]
        lines[-1] |= {"dev_loss": 0.625, "dev_sdri": 4.25, "dev_si_sdr": 2.5}
        write_text(directory / "train.jsonl", "".join(json.dumps(line) + "\n" for line in lines))

    def write_examples(self, systems: list[str]) -> None:
        """The signals of the examples that the report will choose, on record as written by it."""
        evaluate = load("conf", "evaluate", Evaluate)
        scores = Scores([read_system(self.experiment / name / "results") for name in systems])
        classes = read_classes("data/classes.csv")
        comparison = compare(scores, classes, evaluate)
        chosen = choose_examples(scores, comparison, evaluate.figure3_mixtures)
        generator = np.random.default_rng(0)
        seconds = np.arange(RATE) / RATE
        for mixture_id in chosen:
            target = 0.3 * np.sin(2 * np.pi * (500 + 1000 * seconds) * seconds)
            noise = 0.1 * generator.standard_normal(RATE)
            signals = {"mixture": target + noise, "target": target}
            signals |= {system: target + 0.2 * noise for system in systems}
            for name, path in signal_paths(self.experiment, mixture_id, systems).items():
                write_wav(path, signals[name], RATE)
        step = examples_step(self.experiment.relative_to(self.folder), chosen, systems)
        write_json(step.output, chosen)
        step.finish(example_signals(self.experiment.relative_to(self.folder), systems))

    def write_all(self, systems: Sequence[str] = PAPER_SYSTEMS) -> list[str]:
        """Everything that a report needs; returns the systems, in another order."""
        everything = [*systems, "untrained", "ideal_ratio_mask"]
        for system in everything:
            self.write_results(system)
        for system in systems:
            self.write_training(self.experiment / system)
        self.write_examples(everything)
        return sorted(systems)
