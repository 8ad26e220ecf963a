"""What a report states about systems on one list, as plain values: headlines, gains, classes."""

from dataclasses import asdict, dataclass, field
from itertools import permutations

from uss.evaluation.results import BOUND, UNTRAINED, Scores
from uss.evaluation.statistics import OTHER, Estimate, bootstrap, class_values, estimate
from uss.labels import Classes
from uss.seeding import rng

REFERENCE = "resunet_joint"  # the gain of the A-MAE is measured against it (METHOD section 1)
METRICS = ("sdr", "sdri")


@dataclass
class SystemRow:
    """One system of Table I.

    `headlines` and `others` have keys such as `average_sdri`; `others` are the headlines in the
    summary that is not the recipe's. `gains`: the average embedding's SDRi minus that of each
    other trained system, paired: both on the same draws.
    """

    system: str
    headlines: dict[str, Estimate] = field(default_factory=dict)
    others: dict[str, float] = field(default_factory=dict)
    gains: dict[str, Estimate] = field(default_factory=dict)

    @property
    def gain(self) -> Estimate | None:
        return self.gains.get(REFERENCE)


@dataclass
class ClassValues:
    """SDRi of a class: embedding -> system -> dB, in the recipe's summary."""

    class_id: str
    name: str
    num_recordings: int
    num_mixtures: int
    sdri: dict[str, dict[str, float]]


@dataclass
class Comparison:
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
    def baseline(self) -> str | None:
        """The red curve of Figure 2."""
        return next((name for name in ("resunet", REFERENCE) if name in self.trained), None)

    @property
    def mae_system(self) -> str | None:
        """The black curve of Figure 2: `mae_frozen`, else the first system named mae_*."""
        mae = [system for system in self.trained if system.startswith("mae")]
        return "mae_frozen" if "mae_frozen" in mae else next(iter(mae), None)

    @property
    def leading_system(self) -> str:
        """Orders classes and examples."""
        return self.mae_system or self.baseline or self.trained[0]

    def to_dict(self) -> dict:
        return asdict(self)


def compare(scores: Scores, classes: Classes, summary: str, num_draws: int, seed: int):
    """Headlines with intervals, paired gains and class-wise values of one list.

    Returns:
        Comparison

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
    for metric in METRICS:
        values = scores.values[metric]
        headlines = class_values(values, strata, summary).mean(axis=1)
        others = class_values(values, strata, OTHER[summary]).mean(axis=1)
        # The generator starts afresh: every metric sees the same draws.
        draws = bootstrap(values, strata, summary, num_draws, rng(seed, "bootstrap"))
        for k, (system, embedding) in enumerate(scores.columns):
            key = f"{embedding}_{metric}"
            rows[system].headlines[key] = estimate(headlines[k], draws[:, k])
            rows[system].others[key] = float(others[k])
    trained = [
        (k, system)
        for k, (system, embedding) in enumerate(scores.columns)
        if embedding == "average" and system != UNTRAINED
    ]
    for (k, system), (j, other) in permutations(trained, 2):  # `headlines` are of the SDRi here
        rows[system].gains[other] = estimate(headlines[k] - headlines[j], draws[:, k] - draws[:, j])
    return Comparison(
        summary=summary,
        num_draws=num_draws,
        seed=seed,
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
        classes=_class_rows(scores, classes, summary),
    )


def _class_rows(scores: Scores, classes: Classes, summary: str) -> list[ClassValues]:
    """In the order of the recipe's classes."""
    strata = scores.strata
    values = class_values(scores.values["sdri"], strata, summary)
    result = []
    for c, class_id in enumerate(strata.class_ids):
        sdri: dict[str, dict[str, float]] = {}
        for (system, embedding), value in zip(scores.columns, values[:, c], strict=True):
            sdri.setdefault(embedding, {})[system] = float(value)
        name = classes.names[classes.index(class_id)]
        num_recordings = int(strata.num_recordings[c])
        result.append(ClassValues(class_id, name, num_recordings, len(strata.rows(c)), sdri))
    return sorted(result, key=lambda row: classes.index(row.class_id))
