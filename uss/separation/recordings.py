"""Stage 7 on whole recordings of any length, with their references: the test sets of others.

museval's SDR of frames of one second, which the field reports for music, stands in frames_*.csv
beside part_*.csv.
"""

from pathlib import Path

from uss.evaluation.units import Unit
from uss.files import Step, code_version, digest, digest_of_stats
from uss.labels import read_classes
from uss.layout import CLASSES, EXPERIMENTS, PANNS, RECORDINGS, RECORDINGS_RESULTS
from uss.layout import EMBEDDINGS as AVERAGES
from uss.model_store.model_config import config_digest, newest_checkpoint, read_config
from uss.schema import Evaluate
from uss.shards import parts
from uss.tables import FramesResult, Recording, Result, read_table, write_table


class RecordingsEvaluation:
    """The units of the systems, and what each of them does.

    Args:
        name: of the experiment; systems: with all that `uss separate` needs, after stage 6.
    """

    def __init__(self, name: str, systems: list[str], config: Evaluate) -> None:
        self.directory = EXPERIMENTS / name
        self.systems, self.config = systems, config
        self.mixtures = by_mixture(read_table(RECORDINGS, Recording))

    def units(self) -> list[Unit]:
        all_rows = parts(len(self.mixtures), self.config.mixtures_per_part)
        return [
            Unit(system, "recordings", number, rows, len(all_rows))
            for system in self.systems
            for number, rows in enumerate(all_rows)
        ]

    def step(self, unit: Unit) -> Step:
        """The record that decides whether the unit has to run."""
        model = self.directory / unit.system
        files = {Path(path) for row in self.rows(unit) for path in (row.mixture_path, row.path)}
        inputs: dict[str, Path | str | None] = {
            "recordings": RECORDINGS,
            "audio": digest_of_stats(sorted(files)),
            "model": model / "config.yaml",
            "weights": newest_checkpoint(model),
            "average_embeddings": model / AVERAGES,
            "panns": model / PANNS,
        }
        output = model / RECORDINGS_RESULTS / f"part_{unit.number:04d}.csv"
        return Step(output, inputs, {"mixtures": [unit.rows.start, unit.rows.stop]})

    def rows(self, unit: Unit) -> list[Recording]:
        return [row for number in unit.rows for row in self.mixtures[number]]

    def run(self, unit: Unit, step: Step) -> None:
        from uss.separation.interface import SoundSeparator
        from uss.separation.recording_measurement import measure

        model = SoundSeparator(self.directory / unit.system)
        results: list[Result] = []
        frames: list[FramesResult] = []
        for number in unit.rows:
            for result, of_frames in measure(model, unit.system, self.mixtures[number]):
                results.append(result)
                frames += of_frames
        beside = step.output.with_name(f"frames_{unit.number:04d}.csv")
        write_table(beside, frames, FramesResult)
        write_table(step.output, results, Result)
        config = read_config(self.directory / unit.system)
        step.finish(
            [beside],
            config_digest=config_digest(config),
            seed=config["training"]["seed"],
            list_digest=digest(RECORDINGS),
            num_classes=len(read_classes(CLASSES)),
            num_parts=unit.num_parts,
            museval={"num": 0, "max_difference": 0.0},
            cost=None,
            commit=code_version(),
            training_commit=config["facts"].get("code"),
        )


def by_mixture(rows: list[Recording]) -> list[list[Recording]]:
    """The references of each mixture, mixtures in the order in which they come first."""
    found: dict[str, list[Recording]] = {}
    for row in rows:
        found.setdefault(row.mixture_path, []).append(row)
    return list(found.values())
