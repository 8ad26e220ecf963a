"""The parts of the cached A-MAE features of a training list, and what each of them stands for."""

from pathlib import Path
from typing import NamedTuple

from uss.config import to_dict
from uss.data.feature_set import FeatureSet, feature_dir, feature_set_name
from uss.data.mixture_list import MixtureList
from uss.data.packed import part_path
from uss.files import Step
from uss.layout import DATA, mixtures_path, stage_that_writes
from uss.schema import System

MIXTURES = mixtures_path("train")


class FeaturePart(NamedTuple):
    """rows: of the list."""

    rows: range
    step: Step


def feature_parts(
    system: System, mixtures: MixtureList, audio_mae: str, rows_of_parts: list[range]
) -> list[FeaturePart]:
    """Of a system that reads a cache.

    Args:
        mixtures: the training list.
        audio_mae: digest of the A-MAE.
    """
    inputs: dict[str, Path | str | None] = {
        "mixtures": MIXTURES,
        "anchors": mixtures.anchors.packed.digest,
        "audio_mae": audio_mae,
    }
    settings: dict[str, object] = {"features": feature_set_name(system)}
    if mixtures.augmenter is not None:
        inputs |= mixtures.augmenter.inputs
        settings["augmentation"] = to_dict(mixtures.augmenter.settings)
    folder = feature_dir(DATA, system)
    return [
        FeaturePart(
            rows,
            Step(part_path(folder, number), inputs, settings | {"rows": [rows.start, rows.stop]}),
        )
        for number, rows in enumerate(rows_of_parts)
    ]


def whole_features(system: System, mixtures: MixtureList, audio_mae: str) -> FeatureSet:
    """The features of a system, in parts of whatever size; arguments as of `feature_parts`.

    Raises:
        ValueError: a part is of another list, A-MAE or setting, or they do not add up to the list.
    """
    features = FeatureSet(DATA, system)
    for part in feature_parts(system, mixtures, audio_mae, features.packed.part_rows()):
        part.step.require()
    if len(features) != len(mixtures):
        folder = features.packed.folder
        raise ValueError(
            f"{folder} has features of {len(features)} mixtures, {MIXTURES} lists "
            f"{len(mixtures)}; remove the folder; {stage_that_writes(folder)}"
        )
    return features
