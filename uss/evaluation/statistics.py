"""Headlines over classes, their bootstrap intervals, and paired gains (docs/method.md, section 7).

A headline is the mean over classes of a class's value. The class's value is

* `median`: the median over its mixtures, as published for AudioSet;
* `mean`: the mean over its target recordings of the mean over a recording's mixtures, so that a
  recording counts once however many mixtures it is in.
"""

from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

OTHER = {"mean": "median", "median": "mean"}


@dataclass(frozen=True)
class Estimate:
    """A number in dB with the bounds of its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Spread:
    """Of a number over trainings: its mean, the standard deviation of single trainings, and the
    95 % interval of the mean over many of them."""

    num_trainings: int
    mean: float
    deviation: float
    low: float
    high: float


class Strata:
    """Which class and which recording of that class a mixture's target belongs to.

    Attributes:
        class_ids: (C) the classes that have mixtures, in the order of first appearance.
        class_index: (M) int, into `class_ids`.
        recording_index: (M) int, counted from 0 within the class.
        num_recordings: (C) int.
    """

    def __init__(self, class_ids: list[str], groups: list[str]) -> None:
        position = {class_id: i for i, class_id in enumerate(dict.fromkeys(class_ids))}
        self.class_ids = list(position)
        self.class_index = np.array([position[class_id] for class_id in class_ids])
        recordings: list[dict[str, int]] = [{} for _ in position]
        self.recording_index = np.array(
            [
                recordings[c].setdefault(group, len(recordings[c]))
                for c, group in zip(self.class_index, groups, strict=True)
            ]
        )
        self.num_recordings = np.array([len(of_class) for of_class in recordings])

    def rows(self, class_position: int) -> np.ndarray:
        """The mixtures of one class."""
        return np.flatnonzero(self.class_index == class_position)


def class_values(values: np.ndarray, strata: Strata, summary: str) -> np.ndarray:
    """One value a class.

    Args:
        values: (K, M) a metric of K systems on M mixtures.

    Returns:
        (K, C)
    """
    assert summary in OTHER
    columns = []
    for c in range(len(strata.class_ids)):
        rows = strata.rows(c)
        if summary == "median":
            columns.append(np.median(values[:, rows], axis=1))
        else:
            columns.append(_recording_means(values, strata, c).mean(axis=1))
    return np.stack(columns, axis=1)


def bootstrap(
    values: np.ndarray,
    strata: Strata,
    summary: str,
    num_draws: int,
    generator: np.random.Generator,
) -> np.ndarray:
    """Headlines of resampled data: classes are resampled, and within each drawn class its target
    recordings, all mixtures of a drawn recording staying together.

    A class that a draw holds twice gets two independent samples of its recordings. All systems
    see the same draws, so the difference of two columns is a paired gain. The spread within
    classes enters twice (the classes' values that are resampled have it already), so intervals
    err on the wide side where classes are alike.

    Args:
        values: (K, M).

    Returns:
        (num_draws, K)
    """
    assert summary in OTHER
    num_classes = len(strata.class_ids)
    uniform = np.full(num_classes, 1 / num_classes)
    times_drawn = generator.multinomial(num_classes, uniform, size=num_draws)  # (draws, C)
    totals = np.zeros((num_draws, len(values)))
    for c in range(num_classes):
        weights = _resample(strata.num_recordings[c], times_drawn[:, c].sum(), generator)
        if summary == "median":
            rows = strata.rows(c)
            sampled = _weighted_medians(values[:, rows], weights[:, strata.recording_index[rows]])
        else:
            sampled = weights @ _recording_means(values, strata, c).T / strata.num_recordings[c]
        draw = np.repeat(np.arange(num_draws), times_drawn[:, c])
        np.add.at(totals, draw, sampled)
    return totals / num_classes


def estimate(value: float, draws: np.ndarray) -> Estimate:
    """A value with the central 95 % of its (num_draws,) bootstrap values."""
    low, high = np.percentile(draws, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high))


def spread(values: list[float]) -> Spread:
    """Of the values of two or more trainings; the interval is Student's, for independent draws of
    one normal distribution."""
    number, mean, deviation = len(values), np.mean(values), np.std(values, ddof=1)
    margin = stdtrit(number - 1, 0.975) * deviation / np.sqrt(number)
    return Spread(number, float(mean), float(deviation), float(mean - margin), float(mean + margin))


def draw_trainings(draws: np.ndarray, generator: np.random.Generator) -> np.ndarray:
    """What the mean over many trainings may be, for each draw of the recordings.

    Student's distribution around the mean of the T that there are, with their standard error:
    where recordings do not matter its central 95 % are the interval of `spread`. Trainings drawn
    anew from T would have no tails: of four their central 95 % cover 84 %.

    Args:
        draws: (num_draws, T) a headline of each of T >= 2 trainings, all of a draw on the same
            recordings, as `bootstrap` gives them.

    Returns:
        (num_draws,)
    """
    num_draws, number = draws.shape
    error = draws.std(axis=1, ddof=1) / np.sqrt(number)
    return draws.mean(axis=1) + error * generator.standard_t(number - 1, size=num_draws)


def _recording_means(values: np.ndarray, strata: Strata, class_position: int) -> np.ndarray:
    """(K, M) -> (K, recordings of the class)."""
    rows = strata.rows(class_position)
    recording = strata.recording_index[rows]
    num_mixtures = np.bincount(recording)
    sums = np.stack([np.bincount(recording, weights=row) for row in values[:, rows]])
    return sums / num_mixtures


def _resample(num_recordings: int, num_samples: int, generator: np.random.Generator) -> np.ndarray:
    """(num_samples, num_recordings) how often each sample, drawn with replacement, holds each."""
    drawn = generator.integers(num_recordings, size=(num_samples, num_recordings), dtype=np.int32)
    drawn += num_recordings * np.arange(num_samples, dtype=np.int32)[:, None]
    counts = np.bincount(drawn.ravel(), minlength=drawn.size)
    return counts.reshape(drawn.shape)


def _weighted_medians(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Medians of samples that hold value m `weights[sample, m]` times.

    Args:
        values: (K, M).
        weights: (samples, M) int.

    Returns:
        (samples, K), each the mean of the two middle values, as numpy's median.
    """
    weights = np.ascontiguousarray(weights.T, dtype=np.int32)  # sums down its columns are fast
    total = weights.sum(axis=0)
    medians = []
    for row in values:
        order = np.argsort(row)
        twice_cumulative = 2 * np.cumsum(weights[order], axis=0, dtype=np.int32)
        lower = row[order][(twice_cumulative < total).sum(axis=0)]
        upper = row[order][(twice_cumulative <= total).sum(axis=0)]
        medians.append((lower + upper) / 2)
    return np.stack(medians, axis=1)
