"""Models from their directories: config.yaml and the last checkpoint are all that is needed.

What config.yaml says and what the file of weights holds are compared on torch's device `meta`,
before a network is built: a number in either may be anything.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from uss.model_store import checkpoint
from uss.model_store.config_file import AmaeFacts, DetectorFacts, SeparatorFacts, required, section
from uss.model_store.model_config import checkpoints, newest_checkpoint, read_config, remedy
from uss.models.audio_mae import AudioMae
from uss.models.mae_resunet import Separator, build_separator
from uss.models.panns import Cnn14
from uss.models.weights import refuse_other_weights, with_weights
from uss.schema import AmaeModel, PannsModel, System


@dataclass
class LoadedSeparator:
    """A separator in eval mode, on the CPU, with what belongs to it.

    sample_rate in Hz; query_size: values of the query; config: all of config.yaml;
    weights: the checkpoint that was opened.
    """

    separator: Separator
    system: System
    sample_rate: int
    query_size: int
    config: dict
    weights: Path


@dataclass
class Opened:
    """A model directory whose training is finished: config.yaml, and the weights by name."""

    config: dict
    origin: Path  # config.yaml
    weights: Path
    tensors: dict[str, Tensor]
    remedy: str

    def check(self, network: Callable[[], nn.Module]) -> nn.Module:
        """The network without values; ValueError where the weights are another network's."""
        return refuse_other_network(network, self.tensors, self.origin, self.weights, self.remedy)

    def build(self, network: Callable[[], nn.Module], trained: bool = True) -> nn.Module:
        """The network with its weights; ValueError where they are another network's."""
        empty = self.check(network)
        return (with_weights(empty, self.tensors) if trained else network()).eval()


def load_separator(directory: Path, trained: bool = True) -> LoadedSeparator:
    """A separator with its last weights, or with initial ones from torch's generator.

    Raises ValueError where the directory holds no separator that is trained to its end.
    """
    opened = _open(directory, "separator")
    system = section(System, opened.config, opened.origin, "system")
    facts = section(SeparatorFacts, opened.config, opened.origin, "facts")
    refuse_unmeasured(facts.amae, opened.origin)
    separator = opened.build(
        lambda: build_separator(system, facts.query_size, facts.sample_rate, facts.amae),
        trained,
    )
    assert isinstance(separator, Separator)
    return LoadedSeparator(
        separator, system, facts.sample_rate, facts.query_size, opened.config, opened.weights
    )


def load_detector(directory: Path) -> tuple[PannsModel, dict[str, Tensor]]:
    """The model's shape and its weights, for both poolings: Cnn14 and Cnn14DecisionLevelMax.

    Raises ValueError where the directory holds no detector that is trained to its end.
    """
    opened = _open(directory, "detector")
    model = section(DetectorFacts, opened.config, opened.origin, "facts").model
    opened.check(lambda: Cnn14(model))
    return model, opened.tensors


def load_amae(directory: Path) -> AudioMae:
    """In eval mode, on the CPU, with mean and deviation as measured.

    Raises ValueError where the directory holds no A-MAE that is trained to its end.
    """
    opened = _open(directory, "audio_mae")
    model = section(AmaeFacts, opened.config, opened.origin, "facts").model
    refuse_unmeasured(model, opened.origin)
    amae = opened.build(lambda: AudioMae(model))
    assert isinstance(amae, AudioMae)
    return amae


def refuse_other_network(
    network: Callable[[], nn.Module],
    tensors: Mapping,
    origin: Path | str,
    weights: Path | str,
    remedy: str,
) -> nn.Module:
    """The network on torch's device `meta`. Raises ValueError where the parts of a network that
    `origin` describes do not fit, or where the tensors of the file `weights` are not its weights.
    Takes no memory for either."""
    try:
        with torch.device("meta"):
            empty = network()
    except ValueError as error:
        raise ValueError(f"{origin}: {error}") from None
    name = type(empty).__name__
    refuse_other_weights(empty.state_dict(), tensors, weights, name, remedy=remedy)
    return empty


def refuse_unmeasured(model: AmaeModel | None, origin: Path) -> None:
    if model is not None and model.mean is None:
        raise ValueError(f"{origin}: the A-MAE's mean and std are null; stage 4 measures them")


def _open(directory: Path, kind: str) -> Opened:
    directory = Path(directory)
    path = newest_checkpoint(directory)
    config, origin = read_config(directory), directory / "config.yaml"
    found = required(config, origin, "kind")
    if found != kind:
        raise ValueError(f"{directory} holds a model of kind {found}, not {kind}")
    again = f"Remove it, and {remedy(directory)}"
    try:
        tensors = checkpoint.read(path, checkpoints(directory)[-1][0], mapped=True)["model"]
    except ValueError as error:
        raise ValueError(f"{error}. {again}") from None
    return Opened(config, origin, path, tensors, again)
