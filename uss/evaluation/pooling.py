"""Several trainings of the same systems as one result: folds side by side, seeds averaged.

Runs on the same list (other seeds) are averaged, mixture by mixture; runs on different lists
(folds, each with recordings of its own) stand side by side. So every recording counts once,
whatever the number of trainings.
"""

from collections import defaultdict
from pathlib import Path

import numpy as np

from uss.evaluation.comparison import PAIRED
from uss.evaluation.results import BOUND, Scores, SystemResults
from uss.evaluation.statistics import Estimate, bootstrap, class_values, draw_trainings, estimate
from uss.files import digest_of
from uss.schema import Evaluate
from uss.seeding import rng
from uss.tables import Result


def pool(runs: dict[Path, list[SystemResults]]) -> list[SystemResults]:
    """One SystemResults for each system, in the order of their first appearance.

    Mixture ids get the number of their list in front. The pooled list's digest stands for the
    lists in order, so that systems on other folds than the rest are refused like any other mix-up.

    Raises:
        ValueError: two runs hold a recording in different lists (then they are no folds), or runs
            on one list hold different mixtures.
    """
    lists = sorted({result.facts["list_digest"] for results in runs.values() for result in results})
    by_system: dict[str, dict[str, list[SystemResults]]] = defaultdict(lambda: defaultdict(list))
    for results in runs.values():
        for result in results:
            by_system[result.system][result.facts["list_digest"]].append(result)
    return [_pool_system(system, on_list, lists) for system, on_list in by_system.items()]


def gains_over_trainings(
    runs: dict[Path, list[SystemResults]], config: Evaluate
) -> dict[str, dict[str, Estimate]]:
    """Metric -> system -> its gain over config.reference with the average embedding.

    The interval is over trainings and recordings: `draw_trainings` of a bootstrap of classes and
    recordings, a run's systems together. Empty where there is no reference, one
    run, or more lists than one: of a fold that was trained once nobody knows how trainings differ.
    """
    gains: dict[str, dict[str, Estimate]] = {metric: {} for metric in PAIRED}
    scores = [Scores([r for r in results if r.system != BOUND]) for results in runs.values()]
    systems = [system for system, embedding in scores[0].columns if embedding == "average"]
    num_lists = len({of_run.list_digest for of_run in scores})
    if num_lists > 1 or len(scores) < 2 or config.reference not in systems:
        return gains
    for metric in PAIRED:
        averages = {
            system: np.stack([s.values[metric][s.column(system, "average")] for s in scores])
            for system in systems
        }
        reference = averages.pop(config.reference)
        for system, values in averages.items():
            both, generator = np.concatenate([values, reference]), rng(config.seed, "bootstrap")
            made_of = (scores[0].strata, config.summary)
            draws = bootstrap(both, *made_of, config.num_draws, generator)
            headlines = class_values(both, *made_of).mean(axis=1)
            (ours, theirs), (value, other) = np.split(draws, 2, axis=1), np.split(headlines, 2)
            gains[metric][system] = estimate(
                np.mean(value - other), draw_trainings(ours - theirs, generator)
            )
    return gains


def _pool_system(
    system: str, on_list: dict[str, list[SystemResults]], lists: list[str]
) -> SystemResults:
    rows: list[tuple[Result, float]] = []
    list_of_group: dict[str, str] = {}
    for list_digest in sorted(on_list):
        number = lists.index(list_digest)
        for row, below_zero in _average(on_list[list_digest]):
            if list_of_group.setdefault(row.group, list_digest) != list_digest:
                raise ValueError(
                    f"recording {row.group} of {system} is in two different evaluation lists: "
                    "pool folds, which share none, or runs on one list"
                )
            rows.append((row._replace(mixture_id=f"{number}/{row.mixture_id}"), below_zero))
    trainings = [result for of_list in on_list.values() for result in of_list]
    facts = dict(trainings[0].facts)
    for key in ("config_digest", "seed", "commit"):
        facts[key] = ", ".join(dict.fromkeys(str(result.facts[key]) for result in trainings))
    facts["list_digest"] = digest_of(sorted(on_list))
    facts["num_trainings"] = len(trainings)
    rows.sort()
    return SystemResults(
        system, [row for row, _ in rows], facts, [below_zero for _, below_zero in rows]
    )


def _average(trainings: list[SystemResults]) -> list[tuple[Result, float]]:
    """The mean over trainings of each mixture's values, and the share of them below 0 dB SI-SDR."""
    keys = [[row._replace(sdr=0.0, sdri=0.0, si_sdr=0.0) for row in t.results] for t in trainings]
    if any(key != keys[0] for key in keys):
        raise ValueError(
            f"runs of {trainings[0].system} on one list hold different mixtures: make them again"
        )
    values = np.mean([[row[-3:] for row in t.results] for t in trainings], axis=0)
    shares = np.mean([t.shares_below_zero() for t in trainings], axis=0)
    return [
        (row._replace(sdr=float(sdr), sdri=float(sdri), si_sdr=float(si_sdr)), float(share))
        for row, (sdr, sdri, si_sdr), share in zip(keys[0], values, shares, strict=True)
    ]
