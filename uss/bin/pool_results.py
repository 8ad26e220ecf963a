"""Several trainings of the same systems as one result, over folds and seeds.

Reads the runs, each a folder of uss.bin.keep_results; conf/evaluate.yaml; FOLDER/verdict.md, which
comes first in RESULTS.md, and local/results_notes.md, both only where they are there.
Writes in FOLDER: RESULTS.md, results.json, figure2.{png,pdf,csv}; with evaluate.split dev only
table1_dev.md. Systems that every run has are pooled; each run that has more systems gets a table of
its own, of one training each.

    python -m uss.bin.pool_results --runs runs/fold0 runs/fold1 runs/fold2 --folder .
"""

import os
import shlex
from pathlib import Path

from uss.command import parser, run
from uss.config import load
from uss.evaluation.comparison import Comparison, compare
from uss.evaluation.kept_run import kept_model, read_provenance, read_results
from uss.evaluation.pooling import gains_over_trainings, pool
from uss.evaluation.results import BOUND, Scores, SystemResults
from uss.files import changes, write_json, write_text
from uss.labels import Classes, read_classes
from uss.layout import AMAE, DETECTOR, MEASURED, NOTES
from uss.model_store.config_file import read_config_file
from uss.model_store.model_config import with_defaults
from uss.reporting.experiment_report import log_systems
from uss.reporting.figure2 import figure2, figure2_classes
from uss.reporting.pooled_markdown import Pooled, Run, pooled_dev_markdown, pooled_markdown
from uss.reporting.record import read_training
from uss.schema import Evaluate

MODELS = (DETECTOR.name, AMAE.name)


def read_run(directory: Path, folder: str, output: Path, classes: Classes, config: Evaluate) -> Run:
    """Raises ValueError where it has no results, broken ones, or of other classes."""
    kept = {result.system: result for result in read_results(directory, folder)}
    names = config.in_order([name for name in kept if name != BOUND])
    if not names:
        raise ValueError(f"{directory} has no {folder}; uss.bin.keep_results writes a run")
    names += [BOUND] if BOUND in kept else []
    results = [kept[name] for name in names]
    comparison = comparison_of(results, classes, config)
    trainings = [
        read_training(name, *kept_model(directory, name), comparison) for name in [*MODELS, *names]
    ]
    figure3 = directory / "figure3.png"
    provenance = read_provenance(directory)
    return Run(
        name=directory.name,
        results=results,
        comparison=comparison,
        trainings=[training for training in trainings if training],
        probe=provenance["amae_probe"],
        anchors=provenance.get("anchors"),  # runs that were kept earlier do not say
        figure3=os.path.relpath(figure3, output) if figure3.exists() else None,
    )


def comparison_of(results: list[SystemResults], classes: Classes, config: Evaluate) -> Comparison:
    return compare(Scores(results), classes, config)


def common(runs: list[Run]) -> dict[Path, list[SystemResults]]:
    """The results of the systems that all runs have."""
    systems = set.intersection(*({result.system for result in run.results} for run in runs))
    return {
        Path(run.name): [result for result in run.results if result.system in systems]
        for run in runs
    }


def refuse_equal_names(directories: list[Path]) -> None:
    """Raises ValueError for runs that a table could not tell apart, or one that is named twice."""
    seen: dict[str, Path] = {}
    for directory in directories:
        other = seen.setdefault(directory.name, directory)
        if other is not directory:
            raise ValueError(
                f"--runs: {other} and {directory} have the same name: name each run once, and give "
                "folders of different runs different names"
            )


def read_class_table(directories: list[Path]) -> Classes:
    """The classes, which all runs must share."""
    first, *others = [directory / "classes.csv" for directory in directories]
    classes = read_classes(first)
    for path in others:
        if read_classes(path).ids != classes.ids:
            raise ValueError(f"{path} has other classes than {first}: they cannot be pooled")
    return classes


def refuse_other_settings(directories: list[Path], systems: list[str]) -> None:
    """Runs of one system may differ in seed and inputs, in nothing else.

    Raises:
        ValueError: naming the keys that differ.
    """
    for system in systems:
        first, *others = [settings(kept_model(run, system).config) for run in directories]
        for directory, other in zip(directories[1:], others, strict=True):
            differences = changes(first, other)
            if differences:
                raise ValueError(
                    f"{system} of {directory} was trained with other settings than that of "
                    f"{directories[0]}: {', '.join(differences)}; pool like with like"
                )


def settings(path: Path) -> dict:
    config = with_defaults(read_config_file(path))
    training = {k: v for k, v in config["training"].items() if k not in ("seed", "log_steps")}
    return {"system": config["system"], "training": training}


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument(
        "--runs", type=Path, nargs="+", required=True, help="folders of uss.bin.keep_results"
    )
    arguments.add_argument("--folder", type=Path, required=True, help="to be written")
    options = arguments.parse_args(argv)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    refuse_equal_names(options.runs)
    classes = read_class_table(options.runs)
    folder = MEASURED[config.split]
    runs = [read_run(path, folder, options.folder, classes, config) for path in options.runs]
    shared = common(runs)
    results = pool(shared)
    refuse_other_settings(options.runs, [r.system for r in results if r.system != BOUND])
    comparison = comparison_of(results, classes, config)
    words = ["python", "-m", "uss.bin.pool_results", "--runs", *map(str, options.runs)]
    words += ["--folder", str(options.folder)]
    for override in options.overrides:
        words += ["--set", override]
    pooled = Pooled(
        recipe=Path.cwd().name,
        command=shlex.join(words),
        notes="\n\n".join(
            path.read_text(encoding="utf-8").strip()
            for path in (options.folder / "verdict.md", NOTES)
            if path.exists()
        ),
        comparison=comparison,
        facts={result.system: result.facts for result in results},
        over_trainings=gains_over_trainings(shared, config),
        runs=runs,
    )
    if config.split == "dev":
        write_text(options.folder / "table1_dev.md", pooled_dev_markdown(pooled))
        log_systems(options.folder / "table1_dev.md", comparison)
        return
    shown = figure2_classes(comparison, classes, config)
    write_json(options.folder / "results.json", pooled.to_dict())
    write_text(options.folder / "RESULTS.md", pooled_markdown(pooled))
    figure2(comparison, shown, options.folder / "figure2")
    log_systems(options.folder / "RESULTS.md", comparison)


if __name__ == "__main__":
    run(main)
