"""Models from their directories: config.yaml and the last checkpoint are all that is needed."""

from dataclasses import dataclass
from pathlib import Path

import torch

from uss.config import from_dict
from uss.models.audio_mae import AudioMae
from uss.models.mae_resunet import Separator, build_separator
from uss.schema import AmaeModel, PannsModel, System
from uss.training import checkpoint
from uss.training.model_config import newest_checkpoint, read_config


@dataclass
class LoadedSeparator:
    """A separator in eval mode, on the CPU, with what belongs to it.

    sample_rate in Hz; condition_size: length of the query vector; config: all of config.yaml.
    """

    separator: Separator
    system: System
    sample_rate: int
    condition_size: int
    config: dict


def load_separator(directory: Path, trained: bool = True) -> LoadedSeparator:
    """A separator with its last weights, or with initial ones from torch's generator.

    Raises ValueError where the directory holds no separator that is trained to its end.
    """
    config, state = _load(directory, "separator")
    facts = config["facts"]
    origin = f"{directory}/config.yaml"
    system = from_dict(System, config["system"], origin)
    amae = None if facts["amae"] is None else from_dict(AmaeModel, facts["amae"], origin)
    separator = build_separator(system, facts["condition_size"], facts["sample_rate"], amae)
    if trained:
        separator.load_state_dict(state)
    return LoadedSeparator(
        separator.eval(), system, facts["sample_rate"], facts["condition_size"], config
    )


def load_tagger(directory: Path) -> tuple[PannsModel, dict[str, torch.Tensor]]:
    """The model's shape and its weights, for both poolings: Cnn14 and Cnn14DecisionLevelMax.

    Raises ValueError where the directory holds no tagger that is trained to its end.
    """
    config, state = _load(directory, "tagger")
    return from_dict(PannsModel, config["facts"]["model"], f"{directory}/config.yaml"), state


def load_amae(directory: Path) -> AudioMae:
    """In eval mode, on the CPU, with mean and deviation as measured.

    Raises ValueError where the directory holds no A-MAE that is trained to its end.
    """
    config, state = _load(directory, "audio_mae")
    amae = AudioMae(from_dict(AmaeModel, config["facts"]["model"], f"{directory}/config.yaml"))
    amae.load_state_dict(state)
    return amae.eval()


def _load(directory: Path, kind: str) -> tuple[dict, dict[str, torch.Tensor]]:
    newest_checkpoint(directory)  # that the training is finished
    config = read_config(directory)
    if config["kind"] != kind:
        raise ValueError(f"{directory} holds a model of kind {config['kind']}, not {kind}")
    state = checkpoint.load_newest(directory)
    assert state is not None
    return config, state["model"]
