import numpy as np
import pytest

from uss.evaluation.statistics import (
    Strata,
    bootstrap,
    class_values,
    draw_trainings,
    estimate,
    spread,
)


def small() -> tuple[np.ndarray, Strata]:
    """Two classes; class a has recording r with 3 mixtures and s with 1."""
    values = np.array([[1.0, 2, 3, 10, 5, 7]])
    return values, Strata(list("aaaabb"), list("rrrsrs"))


def test_class_values_by_hand():
    values, strata = small()
    np.testing.assert_allclose(class_values(values, strata, "median"), [[2.5, 6]])
    # recordings first: ((1 + 2 + 3) / 3 + 10) / 2
    np.testing.assert_allclose(class_values(values, strata, "mean"), [[6, 6]])


def reference_bootstrap(values, strata, summary, num_draws, generator):
    """The definition, with loops."""
    num_classes = len(strata.class_ids)
    headlines = []
    for _ in range(num_draws):
        drawn = []
        for c in generator.integers(num_classes, size=num_classes):
            num = strata.num_recordings[c]
            recordings = generator.integers(num, size=num)
            of = [values[(strata.class_index == c) & (strata.recording_index == r)]
                  for r in recordings]  # fmt: skip
            if summary == "median":
                drawn.append(np.median(np.concatenate(of)))
            else:
                drawn.append(np.mean([part.mean() for part in of]))
        headlines.append(np.mean(drawn))
    return np.array(headlines)


@pytest.mark.parametrize("summary", ["mean", "median"])
def test_bootstrap_has_the_distribution_of_its_definition(summary):
    generator = np.random.default_rng(0)
    num_recordings = [2, 3, 6]
    class_ids = [f"c{c}" for c, num in enumerate(num_recordings) for i in range(3 * num)]
    groups = [f"g{i % num}" for num in num_recordings for i in range(3 * num)]
    strata = Strata(class_ids, groups)
    values = generator.gamma(2, 2, len(groups)) + strata.recording_index
    fast = bootstrap(values[None], strata, summary, 4000, np.random.default_rng(1))[:, 0]
    slow = reference_bootstrap(values, strata, summary, 4000, np.random.default_rng(2))
    levels = [2.5, 25, 50, 75, 97.5]
    np.testing.assert_allclose(
        np.percentile(fast, levels), np.percentile(slow, levels), atol=0.15 * slow.std()
    )


@pytest.mark.parametrize("summary", ["mean", "median"])
def test_all_systems_see_the_same_draws(summary):
    values = np.random.default_rng(0).normal(size=40)
    strata = Strata([f"c{i % 4}" for i in range(40)], [f"g{i % 3}" for i in range(40)])
    both = np.stack([values, values + 0.5])
    draws = bootstrap(both, strata, summary, 100, np.random.default_rng(0))
    np.testing.assert_allclose(draws[:, 1] - draws[:, 0], 0.5)  # a constant gain has no spread
    assert draws[:, 0].std() > 0.05


def test_a_seed_gives_one_result():
    values, strata = small()
    one, two = (bootstrap(values, strata, "mean", 50, np.random.default_rng(3)) for _ in range(2))
    np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("summary", ["mean", "median"])
def test_interval_covers_with_few_correlated_recordings(summary):
    """2 to 10 recordings a class, 8 mixtures each, which are alike: what resampling single
    mixtures would get wrong."""
    generator = np.random.default_rng(0)
    num_classes, num_mixtures, true_headline, num_experiments = 20, 8, 5.0, 200
    covered, errors, half_widths = 0, [], []
    for _ in range(num_experiments):
        class_ids, groups, values = [], [], []
        for c in range(num_classes):
            of_class = true_headline + generator.normal(0, 1)
            for recording in range(generator.integers(2, 11)):
                of_recording = of_class + generator.normal(0, 2)
                class_ids += [f"c{c}"] * num_mixtures
                groups += [f"r{recording}"] * num_mixtures
                values += list(of_recording + generator.normal(0, 0.5, num_mixtures))
        strata = Strata(class_ids, groups)
        row = np.array(values)[None]
        headline = class_values(row, strata, summary).mean()
        interval = estimate(headline, bootstrap(row, strata, summary, 200, generator)[:, 0])
        covered += interval.low <= true_headline <= interval.high
        errors.append(headline - true_headline)
        half_widths.append((interval.high - interval.low) / 2)
    assert covered >= 0.9 * num_experiments
    assert np.mean(half_widths) < 1.4 * 1.96 * np.std(errors)  # and says something


def test_spread_by_hand():
    found = spread([1.0, 2.0, 6.0])
    assert (found.num_trainings, found.mean) == (3, 3.0)
    assert found.deviation == pytest.approx(7**0.5)  # (4 + 1 + 9) / 2
    margin = 4.302653 * (7 / 3) ** 0.5
    assert (found.low, found.high) == pytest.approx((3 - margin, 3 + margin))


@pytest.mark.parametrize("num_trainings", [2, 5])
def test_the_spread_covers_the_mean_over_many_trainings(num_trainings):
    draws = np.random.default_rng(0).normal(0.3, 0.5, size=(4000, num_trainings))
    covered = [found.low <= 0.3 <= found.high for found in map(spread, draws)]
    assert np.mean(covered) == pytest.approx(0.95, abs=0.01)


@pytest.mark.parametrize("num_trainings", [2, 4, 8])
@pytest.mark.parametrize(("of_recordings", "of_trainings"), [(0.2, 0.0), (0.2, 0.1), (0.02, 0.4)])
def test_the_interval_covers_what_trainings_and_recordings_bring(
    num_trainings, of_recordings, of_trainings
):
    """The trainings meet the same recordings; either may be what decides."""
    generator = np.random.default_rng(0)
    recordings = generator.normal(0.0, of_recordings, size=(2000, 1))
    covered = 0
    for _ in range(400):
        drawn = generator.normal(0.5, of_trainings, size=num_trainings)
        draws = draw_trainings(generator.normal(0.0, of_recordings) + recordings + drawn, generator)
        interval = estimate(draws.mean(), draws)
        covered += interval.low <= 0.5 <= interval.high
    assert 0.925 <= covered / 400 <= 0.995


def test_of_trainings_alone_the_interval_is_students():
    trainings = np.array([1.0, 2.0, 6.0])
    draws = draw_trainings(np.tile(trainings, (400_000, 1)), np.random.default_rng(0))
    expected = spread(trainings.tolist())
    found = estimate(draws.mean(), draws)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high), rel=0.02)
