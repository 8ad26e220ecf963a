"""What each change of a training does on the development list: tuning.csv, a row a training.

Reads exp/<name>/<system>/ (config.yaml, train.jsonl, results_dev/ of stage 7 with evaluate.split
dev) of each name; the first is what the others are compared with.

    python experiments/training/tuning.py --output experiments/training/tuning.csv \
        --names short_before short_loss
"""

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np

from uss.evaluation.results import EMBEDDINGS, Scores, read_system
from uss.evaluation.statistics import class_values
from uss.model_store.log_file import read_log
from uss.model_store.model_config import read_config


def flat(content: dict, prefix: str = "") -> dict[str, Any]:
    """Nested keys with dots."""
    result: dict[str, Any] = {}
    for key, value in content.items():
        inner = flat(value, f"{prefix}{key}.") if isinstance(value, dict) else {prefix + key: value}
        result.update(inner)
    return result


def settings(directory: Path) -> dict[str, Any]:
    config = read_config(directory)
    keys = ("system", "training", "inputs")
    return flat({key: config[key] for key in keys})


def changes(first: dict[str, Any], other: dict[str, Any]) -> str:
    """The keys that differ, with the other's value; a digest is named alone."""
    differing = sorted(key for key in first | other if first.get(key) != other.get(key))
    shown = (key if key.startswith("inputs.") else f"{key}={other.get(key)}" for key in differing)
    return "; ".join(shown)


def figures(directory: Path) -> dict[str, str]:
    """Means over recordings, then classes; shares are of mixtures. SDRi and SI-SDR in dB."""
    scores = Scores([read_system(directory / "results_dev")])
    result = {}
    for embedding in EMBEDDINGS:
        column = scores.columns.index((directory.name, embedding))
        for metric in ("sdri", "si_sdr"):
            values = class_values(scores.values[metric][[column]], scores.strata, "mean")
            result[f"{embedding}_{metric}"] = f"{values.mean():.2f}"
        below = np.mean(scores.values["si_sdr"][column] < 0)
        result[f"{embedding}_below_0"] = f"{below:.3f}"
    return result


def row(name: str, directory: Path, first: Path) -> dict[str, str]:
    last = read_log(directory / "train.jsonl")[-1]
    return {
        "name": name,
        "changes": changes(settings(first), settings(directory)),
        "steps": str(last["step"]),
        "seconds": f"{last['seconds']:.0f}",
        "train_sdri": f"{last['sdri']:.2f}",
        **figures(directory),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--names", nargs="+", required=True)
    parser.add_argument("--system", default="resunet_joint")
    parser.add_argument("--output", type=Path, required=True)
    options = parser.parse_args()
    directories = [Path("exp") / name / options.system for name in options.names]
    rows = [
        row(name, directory, directories[0])
        for name, directory in zip(options.names, directories, strict=True)
    ]
    with options.output.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, rows[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    main()
