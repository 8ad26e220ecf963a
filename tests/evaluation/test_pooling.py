from pathlib import Path

import numpy as np
import pytest

from uss.evaluation.comparison import compare
from uss.evaluation.pooling import gains_over_trainings, pool
from uss.evaluation.results import Scores, SystemResults
from uss.labels import Classes
from uss.schema import Evaluate
from uss.tables import ClassRow, Result

SYSTEMS = ["resunet_joint", "mae_aligned"]


def results(system: str, list_digest: str, groups: str, value: float, **facts) -> SystemResults:
    """Two mixtures of each group, in class /m/0."""
    rows = [
        Result(system, embedding, f"{i:03d}", "/m/0", group, value + i, value + i, value)
        for embedding in ("average", "oracle")
        for i, group in enumerate(groups * 2)
    ]
    facts = {"list_digest": list_digest, "num_classes": 1, "num_parts": 1, **facts}
    return SystemResults(system, sorted(rows), {"config_digest": "c", "commit": "a", **facts})


def runs(gain: float = 0.5) -> dict[Path, list[SystemResults]]:
    """Two seeds of fold 1, one of fold 2."""
    return {
        Path(f"run{number}"): [
            results(system, digest, groups, value + gain * (system == "mae_aligned"), seed=number)
            for system in SYSTEMS
        ]
        for number, (digest, groups, value) in enumerate(
            [("fold1", "ab", 1.0), ("fold1", "ab", 2.0), ("fold2", "c", 4.0)]
        )
    }


def test_seeds_are_averaged_and_folds_stand_side_by_side():
    baseline, ours = pool(runs())
    assert (baseline.system, ours.system) == tuple(SYSTEMS)
    average = [row for row in baseline.results if row.embedding == "average"]
    assert [(row.mixture_id, row.group, row.sdri) for row in average] == [
        ("0/000", "a", 1.5),
        ("0/001", "b", 2.5),
        ("0/002", "a", 3.5),
        ("0/003", "b", 4.5),
        ("1/000", "c", 4.0),
        ("1/001", "c", 5.0),
    ]
    assert baseline.facts["seed"] == "0, 1, 2" and baseline.facts["num_trainings"] == 3


def test_the_pooled_gain_is_paired():
    scores = Scores(pool(runs(gain=0.25)))
    classes = Classes([ClassRow(0, "/m/0", "Thing")], "classes.csv")
    comparison = compare(
        scores, classes, Evaluate(summary="mean", num_draws=100, reference=SYSTEMS[0])
    )
    gain = comparison.gain(comparison.rows[1])
    assert gain.value == pytest.approx(0.25)
    assert (gain.low, gain.high) == pytest.approx((0.25, 0.25))
    assert comparison.num_recordings == 3
    assert comparison.rows[0].headlines["average_sdri"].value == pytest.approx(
        np.mean([2.5, 3.5, 4.5])
    )


def test_a_system_without_one_of_the_folds_is_refused():
    incomplete = runs()
    incomplete[Path("run2")].pop()  # mae_aligned has not met fold 2
    with pytest.raises(ValueError, match="different lists"):
        Scores(pool(incomplete))


def test_a_recording_in_two_lists_is_no_fold():
    mixed = runs()
    mixed[Path("run3")] = [results("resunet_joint", "fold3", "b", 0.0, seed=3)]
    with pytest.raises(ValueError, match="recording b of resunet_joint is in two"):
        pool(mixed)


def test_runs_on_one_list_with_other_mixtures_are_refused():
    mixed = runs()
    mixed[Path("run3")] = [results("resunet_joint", "fold2", "d", 0.0, seed=3)]
    with pytest.raises(ValueError, match="hold different mixtures"):
        pool(mixed)


def test_the_share_below_zero_is_that_of_trainings_not_of_their_mean():
    """Seeds at 1 and -3 dB: their mean is below 0, half of the trainings are."""
    seeds = {
        Path(str(seed)): [results("resunet_joint", "fold1", "ab", value, seed=seed)]
        for seed, value in enumerate((1.0, -3.0))
    }
    (pooled,) = pool(seeds)
    assert all(row.si_sdr < 0 for row in pooled.results)
    assert pooled.shares_below_zero() == [0.5] * 8
    scores = Scores([pooled])
    assert (scores.values["below_zero"] == 0.5).all()


def test_the_gain_over_trainings_is_paired_within_a_run():
    """Runs of 0.25, 0.5 and 0.75 dB gain on one list, whose baselines differ by decibels: the
    recordings do not matter to these gains, so the interval is of the trainings alone."""
    config = Evaluate(summary="mean", num_draws=4000, reference=SYSTEMS[0])
    trainings = {
        Path(f"run{number}"): [
            results(SYSTEMS[0], "one", "ab", 3.0 * number),
            results(SYSTEMS[1], "one", "ab", 3.0 * number + gain),
        ]
        for number, gain in enumerate((0.25, 0.5, 0.75))
    }
    found = gains_over_trainings(trainings, config)
    assert found["sdri"].keys() == found["si_sdr"].keys() == {"mae_aligned"}
    gain = found["sdri"]["mae_aligned"]
    assert gain.value == pytest.approx(0.5)
    # Student's quantile of two degrees of freedom, and the standard error.
    margin = 4.302653 * 0.25 / 3**0.5
    assert (gain.low, gain.high) == pytest.approx((0.5 - margin, 0.5 + margin), abs=0.1)


def test_a_gain_of_medians_is_that_of_the_table():
    """Medians 1 and 1.5: a gain of 0.5, where the median of the differences is -0.5."""
    config = Evaluate(summary="median", num_draws=100, reference=SYSTEMS[0])

    def of(system: str, *values: float) -> SystemResults:
        rows = [
            Result(system, embedding, f"{i:03d}", "/m/0", "g", value, value, value)
            for embedding in ("average", "oracle")
            for i, value in enumerate(values)
        ]
        facts = {"list_digest": "one", "num_classes": 1, "num_parts": 1, "config_digest": "c"}
        return SystemResults(system, sorted(rows), {**facts, "commit": "a", "seed": 0})

    of_run = [of(SYSTEMS[0], 0, 1, 2), of(SYSTEMS[1], 3, 0.5, 1.5)]
    found = gains_over_trainings({Path("a"): of_run, Path("b"): of_run}, config)
    assert found["sdri"]["mae_aligned"].value == pytest.approx(0.5)


def test_folds_do_not_tell_how_trainings_differ():
    config = Evaluate(summary="mean", num_draws=100, reference=SYSTEMS[0])
    assert not any(gains_over_trainings(runs(), config).values())
