"""The dataclass of each YAML in a recipe's conf/. Defaults: docs/method.md.

Values are checked here, at the border; the code behind takes them as they are.
"""

from dataclasses import dataclass, field
from typing import Literal

from uss import ranges
from uss.config import expanded

MAX_BATCH = 1_000_000


def _at_most(maximum: float, **values: float) -> None:
    """What no machine can do, refused before anything is allocated for it."""
    for key, value in values.items():
        if value > maximum:
            raise ValueError(f"{key} is {value}, must be at most {maximum}")


def _rate(sample_rate: int) -> None:
    ranges.within(*ranges.SAMPLE_RATES, sample_rate=sample_rate)


def _at_least(minimum: float, **values: float) -> None:
    for key, value in values.items():
        if value < minimum:
            raise ValueError(f"{key} is {value}, must be at least {minimum}")


def _positive(**values: float) -> None:
    for key, value in values.items():
        if value <= 0:
            raise ValueError(f"{key} is {value}, must be positive")


def _fraction(**values: float) -> None:
    for key, value in values.items():
        if not 0 <= value <= 1:
            raise ValueError(f"{key} is {value}, must be between 0 and 1")


@dataclass
class Resample:
    """resample.yaml, stage 1: every clip decoded, resampled, mixed down and packed once."""

    sample_rate: int = 32000
    clip_seconds: float = 10.0  # packed length: shorter clips are zero-padded, longer ones cut
    clips_per_part: int = 500  # clips of one HDF5 part: the unit of work of a shard
    max_rejected_fraction: float = 0.05  # of a split; above it the stage fails
    silence_dbfs: float = -60.0  # a clip whose RMS is below is rejected as silent

    def __post_init__(self) -> None:
        _rate(self.sample_rate)
        _at_least(1, clips_per_part=self.clips_per_part)
        _positive(clip_seconds=self.clip_seconds)
        _at_most(3600, clip_seconds=self.clip_seconds)
        _at_most(MAX_BATCH, clips_per_part=self.clips_per_part)
        _fraction(max_rejected_fraction=self.max_rejected_fraction)


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
    weights_average: float = 0.0  # decay of a moving average, which is the model; 0: none
    threads: int = 2  # CPU threads; they order sums, so they are part of a result
    save_minutes: float = 10.0  # between checkpoints
    log_steps: int = 50  # between lines of train.jsonl

    def __post_init__(self) -> None:
        _at_least(
            1,
            steps=self.steps,
            batch_size=self.batch_size,
            threads=self.threads,
            log_steps=self.log_steps,
        )
        _at_least(0, seed=self.seed, warmup_steps=self.warmup_steps, save_minutes=self.save_minutes)
        _at_least(0, weight_decay=self.weight_decay, decay_steps=self.decay_steps)
        _positive(learning_rate=self.learning_rate)
        _at_most(MAX_BATCH, batch_size=self.batch_size)
        _at_most(4096, threads=self.threads)
        _fraction(batch_norm_momentum=self.batch_norm_momentum)
        if not 0 <= self.weights_average < 1:
            raise ValueError(
                f"weights_average is {self.weights_average}, must be from 0 to below 1"
            )
        if self.decay_steps > self.steps:
            raise ValueError(f"decay_steps is {self.decay_steps}, of {self.steps} steps")
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
        _at_least(0, seed=self.seed)
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

    loss: Literal["l1", "sdr"] = "l1"  # sdr: in dB; l1 of a sparse target is smallest for silence
    augmentation: Augmentation = field(default_factory=Augmentation)


def _front_end(model: "PannsModel | DetectorModel") -> None:
    ranges.windows(model.window_size, model.hop_size)
    ranges.channels(model.channels)
    ranges.mel_bands(model.mel_bins, model.fmin, model.fmax, len(model.channels))


@dataclass
class DetectorModel:
    """What a recipe chooses of a PANNs network; rate and classes come with the data."""

    window_size: int = 1024
    hop_size: int = 320
    mel_bins: int = 64
    fmin: float = 50.0
    fmax: float = 14000.0
    channels: list[int] = field(default_factory=lambda: [64, 128, 256, 512, 1024, 2048])

    def __post_init__(self) -> None:
        _front_end(self)


@dataclass(kw_only=True)
class PannsModel(DetectorModel):
    """A PANNs network (Cnn14 and Cnn14_DecisionLevelMax share their weights' names)."""

    sample_rate: int
    num_classes: int

    def __post_init__(self) -> None:
        super().__post_init__()
        _rate(self.sample_rate)
        ranges.sizes(num_classes=self.num_classes)
        if self.fmax > self.sample_rate / 2:
            raise ValueError(
                f"fmax is {self.fmax}, must be at most half the sample rate {self.sample_rate}"
            )


@dataclass
class Detector:
    """detector.yaml, stage 2: sound event detector and query encoder in one."""

    training: Training
    model: DetectorModel = field(default_factory=DetectorModel)
    mixed_fraction: float = 0.0  # of a batch's clips, to which another one and its labels are added
    max_speed_octaves: float = 0.0  # clips are played faster or slower by up to this

    def __post_init__(self) -> None:
        _fraction(mixed_fraction=self.mixed_fraction)
        ranges.within(0, 2, max_speed_octaves=self.max_speed_octaves)


@dataclass
class Anchors:
    """anchors.yaml, stage 2: where in a clip a labelled class sounds."""

    segment_seconds: float = 2.0
    silence_dbfs: float = -60.0  # an anchor whose RMS is below is dropped and counted
    batch_size: int = 16  # clips a forward pass

    def __post_init__(self) -> None:
        _positive(segment_seconds=self.segment_seconds)
        _at_most(3600, segment_seconds=self.segment_seconds)
        _at_least(1, batch_size=self.batch_size)
        _at_most(MAX_BATCH, batch_size=self.batch_size)


@dataclass
class Mixtures:
    """mixtures.yaml, stage 3."""

    num_train: int | None = None  # listed rows of the training stream, which wraps there; null: as
    # many as stage 5 reads, steps x batch_size of train.yaml
    seed: int = 0
    num_query_per_class: int = 100
    num_dev_per_class: int = 100
    num_eval_per_class: int = 100

    def __post_init__(self) -> None:
        _at_least(0, seed=self.seed)
        if self.num_train is not None:
            ranges.within(1, 1_000_000_000, num_train=self.num_train)
        _at_least(
            1,
            num_query_per_class=self.num_query_per_class,
            num_dev_per_class=self.num_dev_per_class,
            num_eval_per_class=self.num_eval_per_class,
        )
        for key in ("num_query_per_class", "num_dev_per_class", "num_eval_per_class"):
            _at_most(MAX_BATCH, **{key: getattr(self, key)})


@dataclass
class AmaeModel:
    """The audio masked autoencoder (ViT-B/16 as published)."""

    sample_rate: int = 16000
    input_frames: int = 1024
    mel_bins: int = 128
    width: int = 768
    depth: int = 12
    heads: int = 12
    decoder_width: int = 512
    decoder_depth: int = 8
    decoder_heads: int = 16
    mean: float | None = None  # of the log-mel filterbank; null: measured on the training audio
    std: float | None = None

    def __post_init__(self) -> None:
        ranges.sizes(width=self.width, heads=self.heads)
        ranges.sizes(decoder_width=self.decoder_width, decoder_heads=self.decoder_heads)
        ranges.within(1, ranges.MAX_DEPTH, depth=self.depth)
        ranges.within(0, ranges.MAX_DEPTH, decoder_depth=self.decoder_depth)
        _rate(self.sample_rate)
        ranges.input_size(self.input_frames, self.mel_bins)
        if self.input_frames % 32 or self.mel_bins % 16:
            raise ValueError("input_frames must be a multiple of 32 and mel_bins of 16")
        if self.width % self.heads or self.decoder_width % self.decoder_heads:
            raise ValueError("width must be a multiple of heads, in encoder and decoder")
        if (self.mean is None) != (self.std is None):
            raise ValueError("mean and std are either both given or both null")
        if self.mean is not None and self.std is not None:
            _positive(std=self.std)
            ranges.within(0, ranges.MAX_LOG_MEL, mean=abs(self.mean), std=self.std)


@dataclass
class Amae:
    """amae.yaml, stage 4: the A-MAE and its pretraining."""

    training: Training
    model: AmaeModel = field(default_factory=AmaeModel)
    mask_ratio: float = 0.8
    mixed_fraction: float = 0.5  # of the segments, which are mixed with another one
    mixtures_per_part: int = 1000  # mixtures of one part of cached features
    batch_size: int = 32  # mixtures a forward pass, for cached features

    def __post_init__(self) -> None:
        if not 0 < self.mask_ratio < 1:
            raise ValueError(f"mask_ratio is {self.mask_ratio}, must be between 0 and 1")
        _fraction(mixed_fraction=self.mixed_fraction)
        _at_least(1, mixtures_per_part=self.mixtures_per_part, batch_size=self.batch_size)
        _at_most(MAX_BATCH, mixtures_per_part=self.mixtures_per_part, batch_size=self.batch_size)


@dataclass
class Stft:
    window_size: int = 1024
    hop_size: int = 320

    def __post_init__(self) -> None:
        ranges.windows(self.window_size, self.hop_size)
        if self.hop_size > self.window_size / 2:
            raise ValueError(f"hop_size is {self.hop_size}, must be at most half of window_size")


@dataclass
class SystemAmae:
    """What the separator takes from the A-MAE."""

    features: Literal["none", "paper", "aligned", "log_mel"] = "none"
    fusion: Literal["concat", "channel", "bottleneck", "film"] = "concat"
    pretrained: bool = True  # false: the A-MAE's weights before any training, as a control
    updated: bool = False
    source: Literal["cached", "live"] = "cached"
    learning_rate: float = 1e-5  # of the A-MAE's blocks, where updated

    def __post_init__(self) -> None:
        _positive(learning_rate=self.learning_rate)
        if self.updated and self.source == "cached":
            raise ValueError("source is cached, but updated features change: write source: live")
        if self.features == "log_mel" and (self.updated or self.fusion != "film"):
            raise ValueError(
                "features is log_mel, which has nothing to update and goes with fusion: film alone"
            )

    @property
    def on_grid(self) -> bool:
        """Whether the features keep their grid of columns and mel patches."""
        return self.fusion in ("bottleneck", "film")


@dataclass
class System:
    """systems/<name>.yaml: one separator."""

    query: Literal["embedding", "at_soft"] = "embedding"
    query_norm: Literal["none", "rms"] = "none"  # rms: scaled to a root mean square of 1
    query_from: Literal["target", "class"] = "target"  # in training; class: see query_mix
    query_mix: float = 0.5  # share of training queries of another anchor, or the mean, of the class
    initial_mask: Literal["random", "half"] = "random"  # half: 1/2 everywhere before any training
    transposed_gain: float = 1.0  # of initial weights; 2 keeps the size of what comes from below
    normalization: Literal["joint", "none", "per_signal"] = "joint"
    stft: Stft = field(default_factory=Stft)
    channels: list[int] = field(default_factory=lambda: [32, 64, 128, 256, 384, 384])
    amae: SystemAmae = field(default_factory=SystemAmae)

    def __post_init__(self) -> None:
        _fraction(query_mix=self.query_mix)
        _positive(transposed_gain=self.transposed_gain)
        _at_most(100, transposed_gain=self.transposed_gain)
        ranges.channels(self.channels)

    @property
    def query_field(self) -> str:
        """Which of the query encoder's outputs, under its name in files and batches."""
        return "embedding" if self.query == "embedding" else "probabilities"


@dataclass
class Evaluate:
    """evaluate.yaml, stage 7."""

    split: Literal["eval", "dev"] = "eval"  # dev: a table of development results, nothing else
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
        _at_least(1, batch_size=self.batch_size, mixtures_per_part=self.mixtures_per_part)
        _at_most(MAX_BATCH, batch_size=self.batch_size, mixtures_per_part=self.mixtures_per_part)
        _at_most(MAX_BATCH, num_draws=self.num_draws)
        _at_least(1, num_draws=self.num_draws)
        _at_least(0, seed=self.seed)
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
