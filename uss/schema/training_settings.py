"""How a network is trained: train.yaml, and `training` in detector.yaml and amae.yaml."""

from dataclasses import dataclass, field
from typing import Literal

from uss import ranges
from uss.schema.limits import MAX_BATCH, at_least, at_most, fraction, positive


@dataclass
class Training:
    """How one network is trained; the same keys for detector, A-MAE and separator."""

    steps: int
    batch_size: int = 16  # global: does not change with the number of processes
    seed: int = 0
    learning_rate: float = 1e-3
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])
    weight_decay: float = 0.0
    amsgrad: bool = True
    warmup_steps: int = 0  # x0.001, x0.01, x0.1 for a third each, then constant
    decay_steps: int = 0  # the last ones, over which learning rate and momentum below go to 0
    batch_norm_momentum: float = 0.1
    fixed_statistics_steps: int = 0  # the last ones, in which BatchNorms do as at evaluation
    weights_average: float = 0.0  # decay of a moving average, which is the model; 0: none
    threads: int = 2  # CPU threads; they order sums, so they are part of a result
    save_minutes: float = 10.0  # between checkpoints
    log_steps: int = 50  # between lines of train.jsonl

    def __post_init__(self) -> None:
        at_least(
            1,
            steps=self.steps,
            batch_size=self.batch_size,
            threads=self.threads,
            log_steps=self.log_steps,
        )
        at_least(0, seed=self.seed, warmup_steps=self.warmup_steps, save_minutes=self.save_minutes)
        of_steps = {
            "decay_steps": self.decay_steps,
            "fixed_statistics_steps": self.fixed_statistics_steps,
        }
        at_least(0, weight_decay=self.weight_decay, **of_steps)
        positive(learning_rate=self.learning_rate)
        at_most(MAX_BATCH, batch_size=self.batch_size)
        at_most(4096, threads=self.threads)
        fraction(batch_norm_momentum=self.batch_norm_momentum)
        if not 0 <= self.weights_average < 1:
            raise ValueError(
                f"weights_average is {self.weights_average}, must be from 0 to below 1"
            )
        for key, value in of_steps.items():
            if value > self.steps:
                raise ValueError(f"{key} is {value}, of {self.steps} steps")
        if len(self.betas) != 2 or not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas is {self.betas}, must be two numbers from 0 to below 1")

    @property
    def num_examples(self) -> int:
        """That all steps read."""
        return self.steps * self.batch_size


@dataclass
class Augmentation:
    """Of the anchors of training mixtures, drawn for each side of each row of the list; all off."""

    seed: int = 0  # not that of the training: cached features are shared
    gain_db: float = 0.0  # at most, up or down
    polarity: bool = False  # half of the anchors are turned over
    shift_seconds: float = 0.0  # at most, to and fro within the clip
    tilt_db: float = 0.0  # at most, either way, between the lowest and the highest frequencies
    speed: float = 0.0  # 0.1: at most 10 % faster, or as much slower

    def __post_init__(self) -> None:
        at_least(0, seed=self.seed)
        ranges.within(0, 40, gain_db=self.gain_db, tilt_db=self.tilt_db)
        ranges.within(0, 3600, shift_seconds=self.shift_seconds)
        ranges.within(0, 1, speed=self.speed)

    @property
    def needs_clips(self) -> bool:
        """Whether more than the anchors is heard."""
        return self.shift_seconds > 0 or self.speed > 0

    @property
    def is_on(self) -> bool:
        return self.needs_clips or self.gain_db > 0 or self.polarity or self.tilt_db > 0


@dataclass
class SeparatorTraining(Training):
    """train.yaml, stage 5: what separators have beside the keys of every training."""

    loss: Literal["l1", "sdr", "sdr_cosine"] = "l1"  # docs/method.md, section 6
    augmentation: Augmentation = field(default_factory=Augmentation)
    dev_steps: int = 0  # between measurements on some development mixtures, for the log; 0: none

    def __post_init__(self) -> None:
        super().__post_init__()
        at_least(0, dev_steps=self.dev_steps)
        if self.dev_steps % self.log_steps:
            raise ValueError(
                f"dev_steps is {self.dev_steps}, must be a multiple of log_steps "
                f"({self.log_steps}): the figures stand in the log's line of that step"
            )
