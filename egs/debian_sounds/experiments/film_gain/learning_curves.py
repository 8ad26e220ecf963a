"""SDRi and SI-SDR on development mixtures while the systems of several runs were trained.

Reads the training logs of folders that uss.bin.keep_results wrote; the trainings had
train.dev_steps. Draws a thin line a training, a thick one for a system's mean over the runs.

    python experiments/film_gain/learning_curves.py --runs experiments/film_gain/runs/pair* \
        --systems resunet_joint mae_film --output experiments/film_gain/learning_curves.png
"""

import argparse
from pathlib import Path

import numpy as np

from uss import plotting
from uss.evaluation.kept_run import kept_model
from uss.model_store.log_file import read_log

PANELS = {"dev_sdri": "SDRi (dB)", "dev_si_sdr": "SI-SDR (dB)"}


def curves(runs: list[Path], system: str) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    """Steps (S,) and, for each panel, (runs, S) dB.

    Raises ValueError where a training was not measured, or at other steps than the first.
    """
    all_steps = []
    values: dict[str, list[list[float]]] = {key: [] for key in PANELS}
    for run in runs:
        log = kept_model(run, system).log
        lines = [line for line in read_log(log) if "dev_sdri" in line]
        if not lines:
            raise ValueError(f"{log} has no figures on development mixtures: train.dev_steps")
        all_steps.append([line["step"] for line in lines])
        if all_steps[-1] != all_steps[0]:
            raise ValueError(f"{log} was measured at other steps than {runs[0]}")
        for key, found in values.items():
            found.append([line[key] for line in lines])
    return np.array(all_steps[0]), {key: np.array(found) for key, found in values.items()}


def draw(runs: list[Path], systems: list[str], output: Path) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8, 3.2), layout="constrained")
    panels = dict(zip(PANELS, figure.subplots(1, len(PANELS)), strict=True))
    for number, system in enumerate(systems):
        steps, values = curves(runs, system)
        for key, ax in panels.items():
            for line in values[key]:
                ax.plot(steps, line, color=f"C{number}", linewidth=0.6, alpha=0.5)
            ax.plot(steps, values[key].mean(axis=0), color=f"C{number}", linewidth=2, label=system)
    for key, ax in panels.items():
        ax.set_xlabel("step")
        ax.set_ylabel(PANELS[key])
        ax.grid(color="0.9", linewidth=0.5)
    panels["dev_sdri"].legend(loc="lower right")
    plotting.save(figure, output, dpi=120)


def main(argv: list[str] | None = None) -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--runs", type=Path, nargs="+", required=True)
    arguments.add_argument("--systems", nargs="+", required=True)
    arguments.add_argument("--output", type=Path, required=True)
    options = arguments.parse_args(argv)
    plotting.draw([options.output], lambda: draw(options.runs, options.systems, options.output))


if __name__ == "__main__":
    main()
