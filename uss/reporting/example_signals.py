"""The signals of the examples that the page lets one listen to.

Reads what uss.bin.evaluate reads. Writes exp/<name>/examples/<mixture_id>/<signal>.wav, and
examples.json, which says of what each mixture is an example. The scores choose the examples, so
they are separated once more, a few of them, when the scores are known.
"""

import logging
from pathlib import Path

from uss.data.dataset import Dataset
from uss.evaluation.measurement import Evaluation
from uss.evaluation.results import BOUND
from uss.files import Step, digest_of_files, read_json, size_of, write_json
from uss.layout import DATA
from uss.reporting.chosen_examples import signal_paths
from uss.schema import Evaluate

logger = logging.getLogger(__name__)


def examples_step(experiment: Path, chosen: dict[str, list[str]], systems: list[str]) -> Step:
    """The record of all examples. A system's results stand for its weights, the list, the anchors.

    Args:
        chosen: mixture_id -> what it is an example of.
        systems: with the pseudo-systems.
    """
    inputs = {
        system: digest_of_files(sorted((experiment / system / "results").glob("part_*.csv")))
        for system in systems
    }
    return Step(experiment / "examples" / "examples.json", inputs, {"examples": chosen})


def example_signals(experiment: Path, systems: list[str]) -> list[Path]:
    """The WAV files of the examples that were chosen, whether they are there or not."""
    path = experiment / "examples" / "examples.json"
    chosen = read_json(path) if path.exists() else {}
    return [path for name in chosen for path in signal_paths(experiment, name, systems).values()]


def write_examples(
    experiment: Path,
    config: Evaluate,
    chosen: dict[str, list[str]],
    evaluated: list[str],
    systems: list[str],
) -> None:
    """Write the signals of all systems, unless they are there and still the systems' own.

    Args:
        chosen: mixture_id -> what it is an example of.
        evaluated: the systems that were asked for.
        systems: all that the report shows, with the pseudo-systems.
    """
    step = examples_step(experiment, chosen, systems)
    lost = [path for path in example_signals(experiment, systems) if not size_of(path)]
    if step.is_current() and not lost:
        return
    from uss.audio import write_wav

    evaluation = Evaluation(experiment.name, evaluated, config, Dataset(DATA))
    mixtures = evaluation.mixtures("eval")
    row_of = {mixture.mixture_id: row for row, mixture in enumerate(mixtures.mixtures)}
    rows = sorted(row_of[mixture_id] for mixture_id in chosen)
    for system in systems:
        logger.info("separating %d examples with %s", len(rows), system)
        loaded = evaluation.load(system, mixtures.anchors)
        for separated in evaluation.separations(system, loaded, mixtures, rows):
            if separated.embedding != ("oracle" if system == BOUND else "average"):
                continue
            for position, row in enumerate(separated.rows):
                paths = signal_paths(experiment, mixtures.mixtures[row].mixture_id, systems)
                signals = {
                    "mixture": separated.mixture,
                    "target": separated.target,
                    system: separated.estimate,
                }
                for name, signal in signals.items():
                    waveform = signal[position].numpy(force=True)
                    write_wav(paths[name], waveform, mixtures.anchors.sample_rate)
    write_json(step.output, chosen)
    step.finish(example_signals(experiment, systems))
