"""A system as its training begins, from the recipe's YAML alone."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from uss.config import load
from uss.labels import read_classes
from uss.layout import CLASSES
from uss.schema import Amae, Anchors, Detector, DetectorModel, Pretrained, Resample, System

if TYPE_CHECKING:
    from uss.models.mae_resunet import Separator


class Untrained(NamedTuple):
    """A system as its training begins, in eval mode; its query and segment."""

    separator: "Separator"
    query_size: int
    sample_rate: int  # Hz
    num_samples: int


def untrained(conf: Path, name: str, overrides: list[str]) -> Untrained:
    """The system with initial weights from torch's generator (torch.manual_seed).

    Raises:
        ValueError: a YAML that does not fit, or parts of a system that do not fit together.
    """
    from uss.models.mae_resunet import build_separator
    from uss.models.published import AUDIO_MAE, PANNS

    pretrained = load(conf, "pretrained", Pretrained, overrides)
    sample_rate = load(conf, "resample", Resample, overrides).sample_rate
    seconds = load(conf, "anchors", Anchors, overrides).segment_seconds
    panns: DetectorModel = PANNS
    if not pretrained.query_encoder:
        panns = load(conf, "detector", Detector, overrides).model
    amae = AUDIO_MAE if pretrained.audio_mae else load(conf, "amae", Amae, overrides).model
    if amae.mean is None:
        amae = replace(amae, mean=0.0, std=1.0)  # which the recipe measures in stage 4
    system = load(conf, f"systems/{name}", System, overrides)
    if system.query == "embedding":
        query_size = panns.channels[-1]
    elif pretrained.query_encoder:
        query_size = PANNS.num_classes  # whatever the recipe's classes are
    else:
        query_size = len(read_classes(CLASSES))
    separator = build_separator(system, query_size, sample_rate, amae).eval()
    return Untrained(separator, query_size, sample_rate, round(seconds * sample_rate))
