"""The mixtures to listen to: which ones, and the WAV files of each in a folder of its own."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from uss.audio import decode
from uss.evaluation.comparison import Comparison
from uss.evaluation.results import Scores

KINDS = {"best": 0.0, "median": 0.5, "worst": 1.0}  # rank, as a fraction of the list


@dataclass
class Example:
    """Waveforms of one mixture at a common level.

    Attributes:
        mixture_id: also the folder's name.
        rate: in Hz.
        waveforms: `mixture`, `target`, then system -> (samples,) float32.
    """

    mixture_id: str
    rate: int
    waveforms: dict[str, np.ndarray]


def ranked(values: dict[str, float], fraction: float) -> str:
    """The id at a rank: 0 is the highest value, 0.5 the median (the lower of two), 1 the lowest."""
    ids = sorted(values, key=lambda key: (-values[key], key))
    return ids[round(fraction * (len(ids) - 1) + 1e-9)]


def choose_examples(
    scores: Scores, comparison: Comparison, figure3_mixtures: list[str]
) -> dict[str, list[str]]:
    """Best, median and worst mixture of each trained system, by SDRi with the average embedding.

    Returns:
        mixture_id -> what it is an example of ("best of resunet"): the best first, the worst last,
        then those of Figure 3.

    Raises:
        ValueError: a mixture of Figure 3 that is not in the list.
    """
    chosen: dict[str, list[str]] = {}
    for kind, fraction in KINDS.items():
        for system in comparison.trained:
            mixture_id = ranked(scores.of(system, "average", "sdri"), fraction)
            chosen.setdefault(mixture_id, []).append(f"{kind} of {system}")
    for mixture_id in figure3_mixtures:
        if mixture_id not in scores.mixture_ids:
            raise ValueError(
                f"evaluate.yaml: figure3_mixtures names {mixture_id}, which is not evaluated"
            )
        chosen.setdefault(mixture_id, []).append("in Figure 3")
    return chosen


def signal_paths(experiment: Path, mixture_id: str, systems: list[str]) -> dict[str, Path]:
    """Signal (`mixture`, `target`, a system) -> its WAV file."""
    folder = experiment / "examples" / mixture_id
    return {name: folder / f"{name}.wav" for name in ["mixture", "target", *systems]}


def read_example(experiment: Path, mixture_id: str, systems: list[str]) -> Example:
    waveforms = {}
    for name, path in signal_paths(experiment, mixture_id, systems).items():
        channels, rate = decode(path)
        waveforms[name] = channels[0]
    return Example(mixture_id, rate, waveforms)
