"""What the changes of a training do on the development list: a table, a row a kept run.

Reads the folders that uss.bin.keep_results wrote, of runs that were measured with evaluate.split
dev; the first is what the others are compared with.

    python experiments/training/tuning.py --output experiments/training/tuning.csv \
        --runs experiments/amae_gain/runs/fold0 experiments/training/runs/steps1600
"""

import argparse
import csv
from pathlib import Path
from typing import Any

from uss.evaluation.kept_run import kept_model, read_results
from uss.evaluation.results import EMBEDDINGS, Scores
from uss.evaluation.statistics import class_values
from uss.model_store.config_file import read_config_file
from uss.model_store.log_file import read_log
from uss.model_store.model_config import with_defaults

DEVELOPMENT = "results_dev"


def flat(content: dict, prefix: str = "") -> dict[str, Any]:
    """Nested keys with dots."""
    result: dict[str, Any] = {}
    for key, value in content.items():
        inner = flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        result.update(inner)
    return result


def settings(path: Path) -> dict[str, Any]:
    config = with_defaults(read_config_file(path))
    return flat({key: config[key] for key in ("system", "training")})


def changes(first: dict[str, Any], other: dict[str, Any]) -> str:
    """The keys that differ, with the other's value."""
    differing = sorted(key for key in first if first[key] != other[key])
    return "; ".join(f"{key}={other[key]}" for key in differing)


def figures(run: Path, system: str) -> dict[str, str]:
    """Means over the mixtures of a recording, recordings, then classes. SDRi and SI-SDR in dB."""
    results = [of_system for of_system in read_results(run, DEVELOPMENT) if of_system[0] == system]
    if not results:
        raise ValueError(f"{run} was not measured on the development list; evaluate.split=dev")
    scores = Scores(results)
    result = {}
    for embedding in EMBEDDINGS:
        column = scores.columns.index((system, embedding))
        for metric in ("sdri", "si_sdr"):
            values = class_values(scores.values[metric][[column]], scores.strata, "mean")
            result[f"{embedding}_{metric}"] = f"{values.mean():.2f}"
        below = (scores.values["si_sdr"][[column]] < 0).astype(float)
        result[f"{embedding}_below_0"] = f"{class_values(below, scores.strata, 'mean').mean():.3f}"
    return result


def row(run: Path, first: Path, system: str) -> dict[str, str]:
    model = kept_model(run, system)
    last = read_log(model.log)[-1]
    detector = read_log(kept_model(run, "detector").log)[-1]
    return {
        "run": f"{run.parents[1].name}/{run.name}",
        "changes": changes(settings(kept_model(first, system).config), settings(model.config)),
        "detector_map": f"{detector['dev_map']:.3f}",
        "steps": str(last["step"]),
        "seconds": f"{last['seconds']:.0f}",
        **figures(run, system),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", nargs="+", type=Path, required=True)
    parser.add_argument("--system", default="resunet_joint")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    rows = [row(run, options.runs[0], options.system) for run in options.runs]
    with options.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
