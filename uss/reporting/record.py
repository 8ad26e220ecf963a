"""Everything that RESULTS.md, results.json and the page state, gathered in one place."""

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from uss.evaluation.comparison import Comparison
from uss.model_store.config_file import read_config_file
from uss.model_store.log_file import read_log

FINAL_FRACTION = 20  # the final loss is the mean over the last 20th of the log


@dataclass
class Training:
    """How a model directory came about.

    Attributes:
        development: the last figures on the development split that its log has: the A-MAE's
            `dev_loss`, the detector's `dev_map`, a separator's `dev_sdri` and `dev_si_sdr`.
        average_sdri, average_si_sdr: what it gives, in dB: its own headlines with the average
            embedding; None for detector and A-MAE.
    """

    model: str
    seed: int
    steps: int
    hours: float
    final_loss: float
    development: dict[str, float] = field(default_factory=dict)
    average_sdri: float | None = None
    average_si_sdr: float | None = None


@dataclass
class Record:
    """Of one report.

    Attributes:
        recipe: name of its folder.
        name: of the experiment, exp/<name>.
        command: that makes all of it.
        notes: Markdown of the recipe's authors (local/results_notes.md), or empty.
        comparison: on the evaluation list.
        sed: on the list with detected anchors, where the recipe has one.
        facts: system -> what its results say about themselves.
        trainings: of detector, A-MAE and systems, where the recipe trained them.
        anchors: split -> hit rates (data/anchors.json).
        probe: what the A-MAE's features tell (data/amae_probe.json), where a system uses one.
    """

    recipe: str
    name: str
    command: str
    notes: str
    comparison: Comparison
    sed: Comparison | None
    facts: dict[str, dict]
    trainings: list[Training]
    anchors: dict[str, dict]
    probe: dict | None = None

    def to_dict(self) -> dict:
        """For results.json; without what differs from run to run of the same thing."""
        content = asdict(self)
        for training in content["trainings"]:
            del training["hours"]
        return content


def read_training(model: str, config: Path, log: Path, comparison: Comparison) -> Training | None:
    """The training of a model; None where it has not been trained here.

    Args:
        model: its name; comparison: in which it stands under that name, if it is a system.
        config, log: its config.yaml and train.jsonl.
    """
    lines = read_log(log)
    if not lines:
        return None
    last = lines[-max(1, len(lines) // FINAL_FRACTION) :]
    by_system = {row.system: row.headlines for row in comparison.rows}
    headlines = {key: found.value for key, found in by_system.get(model, {}).items()}
    return Training(
        model=model,
        seed=read_config_file(config)["training"]["seed"],
        steps=lines[-1]["step"],
        hours=lines[-1]["seconds"] / 3600,
        final_loss=float(np.mean([line["loss"] for line in last])),
        development={k: v for line in lines for k, v in line.items() if k.startswith("dev_")},
        average_sdri=headlines.get("average_sdri"),
        average_si_sdr=headlines.get("average_si_sdr"),
    )
