"""What a report states about systems on one list, as plain values: headlines, gains, classes."""

import logging
from dataclasses import asdict, dataclass, field
from itertools import permutations

import numpy as np

from uss.evaluation.results import BOUND, UNTRAINED, Scores
from uss.evaluation.statistics import OTHER, Estimate, bootstrap, class_values, estimate
from uss.labels import Classes
from uss.schema import Evaluate
from uss.seeding import rng

METRICS = ("sdr", "sdri", "si_sdr")
PAIRED = ("sdri", "si_sdr")  # metrics that gains are stated of

logger = logging.getLogger(__name__)


@dataclass
class SystemRow:
    """One system of Table I.

    `headlines` and `others` have keys such as `average_sdri`; `others` are the headlines in the
    summary that is not the recipe's. `below_zero`: embedding -> the share of mixtures whose SI-SDR
    is below 0 dB. `gains`: metric -> the average embedding's headline minus that of each other
    trained system, paired: both on the same draws.
    """

    system: str
    headlines: dict[str, Estimate] = field(default_factory=dict)
    others: dict[str, float] = field(default_factory=dict)
    below_zero: dict[str, float] = field(default_factory=dict)
    gains: dict[str, dict[str, Estimate]] = field(
        default_factory=lambda: {metric: {} for metric in PAIRED}
    )


@dataclass
class ClassValues:
    """SDRi and SI-SDR of a class: embedding -> system -> dB, in the recipe's summary."""

    class_id: str
    name: str
    num_recordings: int
    num_mixtures: int
    sdri: dict[str, dict[str, float]]
    si_sdr: dict[str, dict[str, float]]


@dataclass
class Comparison:
    """Of the systems on one list.

    reference: the system that gains are measured against, None where it is not among them.
    figure2_systems: the curves of Figure 2, one or two; the last one orders the classes.
    """

    reference: str | None
    figure2_systems: list[str]
    summary: str
    num_draws: int
    seed: int
    list_digest: str
    num_classes: int
    classes_without_data: list[str]
    num_recordings: int
    num_mixtures: int
    rows: list[SystemRow]
    classes: list[ClassValues]

    @property
    def systems(self) -> list[str]:
        return [row.system for row in self.rows]

    @property
    def trained(self) -> list[str]:
        """Without the bound and the untrained network."""
        return [system for system in self.systems if system not in (BOUND, UNTRAINED)]

    @property
    def has_gains(self) -> bool:
        return any(self.gain(row) for row in self.rows)

    def gain(self, row: SystemRow, metric: str = "sdri") -> Estimate | None:
        """Over the reference."""
        return None if self.reference is None else row.gains[metric].get(self.reference)

    @property
    def leading_system(self) -> str:
        """Orders classes and examples."""
        return self.figure2_systems[-1]

    def to_dict(self) -> dict:
        return asdict(self)


def compare(scores: Scores, classes: Classes, config: Evaluate) -> Comparison:
    """Headlines with intervals, paired gains and class-wise values of one list.

    Raises:
        ValueError: results of other classes than the recipe's.
    """
    strata = scores.strata
    unknown = [class_id for class_id in strata.class_ids if class_id not in classes]
    if unknown or scores.num_classes != len(classes):
        raise ValueError(
            f"the results are of {scores.num_classes} classes, data/classes.csv has {len(classes)}"
            f" (unknown: {', '.join(unknown) or 'none'}); run stages 3 to 7 again"
        )
    rows = {system: SystemRow(system) for system, _ in scores.columns}
    trained = [
        (k, system)
        for k, (system, embedding) in enumerate(scores.columns)
        if embedding == "average" and system != UNTRAINED
    ]
    for metric in METRICS:
        values = scores.values[metric]
        headlines = class_values(values, strata, config.summary).mean(axis=1)
        others = class_values(values, strata, OTHER[config.summary]).mean(axis=1)
        # The generator starts afresh: every metric sees the same draws.
        generator = rng(config.seed, "bootstrap")
        draws = bootstrap(values, strata, config.summary, config.num_draws, generator)
        for k, (system, embedding) in enumerate(scores.columns):
            key = f"{embedding}_{metric}"
            rows[system].headlines[key] = estimate(headlines[k], draws[:, k])
            rows[system].others[key] = float(others[k])
        for (k, system), (j, other) in permutations(trained if metric in PAIRED else [], 2):
            gain = estimate(headlines[k] - headlines[j], draws[:, k] - draws[:, j])
            rows[system].gains[metric][other] = gain
    # Of yes and no a median says little: the share is a mean in either summary.
    shares = class_values(scores.values["below_zero"], strata, "mean").mean(axis=1)
    for (system, embedding), share in zip(scores.columns, shares, strict=True):
        rows[system].below_zero[embedding] = float(share)
    names = [system for _, system in trained]
    if config.reference and config.reference not in names:
        logger.warning(
            "no gains are shown: %s, the reference of evaluate.yaml, is not among the systems: %s",
            config.reference,
            ", ".join(names),
        )
    return Comparison(
        reference=config.reference if config.reference in names else None,
        figure2_systems=[s for s in config.figure2_systems if s in names] or names[:1],
        summary=config.summary,
        num_draws=config.num_draws,
        seed=config.seed,
        list_digest=scores.list_digest,
        num_classes=len(classes),
        classes_without_data=[
            name
            for class_id, name in zip(classes.ids, classes.names, strict=True)
            if class_id not in set(strata.class_ids)
        ],
        num_recordings=len(set(scores.groups)),
        num_mixtures=len(scores.mixture_ids),
        rows=list(rows.values()),
        classes=_class_rows(scores, classes, config.summary),
    )


def _class_rows(scores: Scores, classes: Classes, summary: str) -> list[ClassValues]:
    """In the order of the recipe's classes."""
    strata = scores.strata
    sdri, si_sdr = (class_values(scores.values[metric], strata, summary) for metric in PAIRED)
    result = []
    for c, class_id in enumerate(strata.class_ids):
        result.append(
            ClassValues(
                class_id=class_id,
                name=classes.names[classes.index(class_id)],
                num_recordings=int(strata.num_recordings[c]),
                num_mixtures=len(strata.rows(c)),
                sdri=_by_embedding(scores.columns, sdri[:, c]),
                si_sdr=_by_embedding(scores.columns, si_sdr[:, c]),
            )
        )
    return sorted(result, key=lambda row: classes.index(row.class_id))


def _by_embedding(columns: list[tuple[str, str]], values: np.ndarray) -> dict:
    """(K,) values of the columns -> embedding -> system -> value."""
    result: dict[str, dict[str, float]] = {}
    for (system, embedding), value in zip(columns, values, strict=True):
        result.setdefault(embedding, {})[system] = float(value)
    return result
