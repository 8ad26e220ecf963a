"""panns.pt of a model directory: the sound event detector and the query encoder, each with its
shape: {name: {"model": PannsModel, "weights": {key: tensor}}}."""

from pathlib import Path

from uss.checksums import damage
from uss.layout import ADOPTED, command_of_stage
from uss.model_store.config_file import checked
from uss.model_store.loading import refuse_other_network
from uss.model_store.model_config import remedy
from uss.models.checkpoint_file import unpickled
from uss.models.panns import AnyPanns
from uss.models.weights import with_weights
from uss.schema import PannsModel

REMEDY = f"Stage 6 writes it: {command_of_stage(6)}"


def remedy_of(path: Path) -> str:
    """A sentence."""
    return f"To mend it, {remedy(path.parent)}" if (path.parent / ADOPTED).exists() else REMEDY


def read_panns(path: Path) -> dict:
    """What the file holds. ValueError where it is damaged or not as stage 6 writes it."""
    reason = damage(path)
    if reason is not None:
        raise ValueError(f"{path} is damaged ({reason}). {remedy_of(path)}")
    try:
        content = unpickled(path, mapped=True)
    except ValueError as error:
        raise ValueError(f"{error}. {remedy_of(path)}") from None
    if not isinstance(content, dict):
        raise ValueError(
            f"{path} holds a {type(content).__name__}, not networks. {remedy_of(path)}"
        )
    return content


def build(
    content: dict, name: str, kind: type[AnyPanns], path: Path, sample_rate: int, num_samples: int
) -> AnyPanns:
    """One of the two networks, in eval mode.

    Args:
        content: of the file `path`.
        name: sound_event_detector or query_encoder.
        sample_rate: of the separator, in Hz; what the network hears is resampled to its own.
        num_samples: of the shortest waveform that the network will hear.

    Raises:
        ValueError: the file holds no such network, or one that cannot hear this audio.
    """
    entry = content.get(name)
    if not isinstance(entry, dict) or not all(
        isinstance(entry.get(key), dict) for key in ("model", "weights")
    ):
        raise ValueError(
            f"{path} holds no network {name}. {remedy_of(path)}, where the recipe has one"
        )
    origin = f"{path}, {name}"
    model = checked(PannsModel, entry["model"], origin)
    num_samples = num_samples * model.sample_rate // sample_rate
    num_frames, fewest = num_samples // model.hop_size + 1, 2 ** (len(model.channels) - 1)
    if num_samples <= model.window_size // 2 or num_frames < fewest:
        raise ValueError(
            f"{origin}: segments of {num_samples} samples are too short for window_size "
            f"{model.window_size}, hop_size {model.hop_size} and {len(model.channels)} channels. "
            f"{remedy_of(path)}"
        )
    weights = entry["weights"]
    empty = refuse_other_network(lambda: kind(model), weights, origin, origin, remedy_of(path))
    network = with_weights(empty, weights)
    assert isinstance(network, kind)
    try:
        network.hear(sample_rate)
    except ValueError as error:
        raise ValueError(f"{origin}: {error}. {remedy_of(path)}") from None
    return network.eval()
