"""evaluate.yaml and pretrained.yaml."""

from dataclasses import dataclass, field
from typing import Literal

from uss.config import expanded
from uss.schema.limits import MAX_BATCH, at_least, at_most


@dataclass
class Evaluate:
    """evaluate.yaml, stage 7."""

    # dev: a table of development results, nothing else; recordings: of data/recordings.csv
    split: Literal["eval", "dev", "recordings"] = "eval"
    seed: int = 0
    batch_size: int = 16  # mixtures at most; a CPU takes fewer, which is faster there
    mixtures_per_part: int = 500  # mixtures of one results part: the unit of work of a shard
    summary: Literal["median", "mean"] = "median"  # within a class (median) or recording (mean)
    num_draws: int = 2000  # of the bootstrap
    reference: str | None = None  # system that gains are measured against; null: no gains
    system_order: list[str] = field(default_factory=list)  # of tables; the others follow
    figure2_systems: list[str] = field(default_factory=list)  # red, black; the last orders classes
    figure2_classes: list[str] | Literal["all"] = "all"
    figure3_mixtures: list[str] = field(default_factory=list)  # empty: the median example

    def __post_init__(self) -> None:
        at_least(1, batch_size=self.batch_size, mixtures_per_part=self.mixtures_per_part)
        at_most(MAX_BATCH, batch_size=self.batch_size, mixtures_per_part=self.mixtures_per_part)
        at_most(MAX_BATCH, num_draws=self.num_draws)
        at_least(1, num_draws=self.num_draws)
        at_least(0, seed=self.seed)
        if len(self.figure2_systems) > 2:
            raise ValueError(f"figure2_systems names {self.figure2_systems}, must be one or two")

    def in_order(self, systems: list[str]) -> list[str]:
        """Those of `system_order` in its order, then the others as given."""
        known = [system for system in self.system_order if system in systems]
        return known + [system for system in systems if system not in known]


@dataclass
class Pretrained:
    """pretrained.yaml: local files of published weights; null where the recipe trains its own."""

    sound_event_detector: str | None = None
    query_encoder: str | None = None
    audio_mae: str | None = None

    def __post_init__(self) -> None:
        for key in ("sound_event_detector", "query_encoder", "audio_mae"):
            if getattr(self, key) is not None:
                setattr(self, key, expanded(getattr(self, key)))
