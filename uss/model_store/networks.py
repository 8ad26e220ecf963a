"""The networks that stages 2 and 4 apply: the published files that pretrained.yaml names, else the
recipe's own. Their digests are had without importing torch."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from uss.config import to_dict
from uss.files import digest, digest_of
from uss.layout import AMAE, DETECTOR, stage_that_trains
from uss.model_store.config_file import AmaeFacts, required, section
from uss.model_store.detector_columns import (
    OTHER_METHODS,
    detector_columns,
    say_which_are_maxima,
)
from uss.model_store.model_config import newest_checkpoint, read_config
from uss.schema import AmaeModel, Pretrained, System, SystemAmae
from uss.seeding import torch_seed

if TYPE_CHECKING:
    from uss.models.amae_features import AmaeFeatures
    from uss.models.audio_mae import AudioMaeEncoder
    from uss.models.panns import AnyPanns, Cnn14, Cnn14DecisionLevelMax

PANNS = ("sound_event_detector", "query_encoder")  # keys of pretrained.yaml


def needed_panns(pretrained: Pretrained, method: str, conf: Path) -> list[str]:
    """Those of PANNS that stage 2 applies: the detector where it finds the anchors; the query
    encoder unless the recipe has none, neither a published one nor a detector of its own.

    Args:
        method: of anchors.yaml.
        conf: a recipe without detector.yaml there trains no detector.

    Raises:
        ValueError: anchors are to be detected, and there is no detector.
    """
    trains = (conf / "detector.yaml").exists()
    needed = []
    if method == "detected":
        if not (pretrained.sound_event_detector or trains):
            raise ValueError(
                f"{conf / 'anchors.yaml'}: method is detected, and there is no detector: name a "
                "sound_event_detector in pretrained.yaml, write detector.yaml, by which stage 2 "
                f"trains one, or {OTHER_METHODS}"
            )
        needed.append("sound_event_detector")
    if pretrained.query_encoder or trains:
        needed.append("query_encoder")
    return needed


def panns_digest(pretrained: Pretrained, name: str) -> str:
    """SHA-256 of the weights of one of PANNS.

    Raises:
        ValueError: a file is missing, or a published detector lacks classes of the recipe.
    """
    file = getattr(pretrained, name)
    if file is not None and name == "sound_event_detector":
        detector_columns()
    return _weights_digest(file, DETECTOR)


def amae_digest(pretrained: Pretrained) -> str:
    """SHA-256 of the A-MAE's weights."""
    return _weights_digest(pretrained.audio_mae, AMAE)


def begins_with_its_weights(amae: SystemAmae) -> bool:
    """Whether a system begins with what the A-MAE has learned. Controls do not: they begin with the
    initial weights of one of its shape, or take the log-mel patches alone."""
    return amae.pretrained and amae.features != "log_mel"


def amae_digest_for(amae: SystemAmae, pretrained: Pretrained) -> str:
    """SHA-256 of what a system begins with: the A-MAE's weights, or its shape and seed."""
    if pretrained.audio_mae or begins_with_its_weights(amae):
        return amae_digest(pretrained)
    model, seed = _own_amae()
    return digest_of([to_dict(model), seed])


def _own_amae() -> tuple[AmaeModel, int]:
    """Shape and seed of the recipe's own, which are known as soon as its training has begun."""
    path = AMAE / "config.yaml"
    if not path.exists():
        raise ValueError(f"{AMAE} holds no model; {stage_that_trains(AMAE)}")
    config = read_config(AMAE)
    model = section(AmaeFacts, config, path, "facts").model
    return model, required(config, path, "training", "seed")


def _weights_digest(file: str | None, directory: Path) -> str:
    path = newest_checkpoint(directory) if file is None else Path(file)
    if not path.is_file():
        raise ValueError(f"pretrained.yaml names {path}, which is missing; put the file there")
    return digest(path)


def load_sound_event_detector(pretrained: Pretrained, sample_rate: int) -> "Cnn14DecisionLevelMax":
    """In eval mode, on the GPU where there is one; it hears waveforms at `sample_rate`, in Hz."""
    from uss.models.panns import Cnn14DecisionLevelMax

    return _load_panns(Cnn14DecisionLevelMax, pretrained.sound_event_detector, sample_rate)


def load_query_encoder(pretrained: Pretrained, sample_rate: int) -> "Cnn14":
    """In eval mode, on the GPU where there is one; it hears waveforms at `sample_rate`, in Hz."""
    from uss.models.panns import Cnn14

    return _load_panns(Cnn14, pretrained.query_encoder, sample_rate)


def _load_panns(kind: "type[AnyPanns]", file: str | None, sample_rate: int) -> "AnyPanns":
    from uss.distributed import device
    from uss.model_store.loading import load_detector

    if file is None:
        model, state = load_detector(DETECTOR)
        network = kind(model)
        network.load_state_dict(state)
    else:
        network = published_panns(kind, file)
    network.hear(sample_rate)
    return network.eval().to(device())


def published_panns(kind: "type[AnyPanns]", file: str) -> "AnyPanns":
    """A published network; the detector with the outputs of the recipe's classes. The query encoder
    keeps all of them: they are a query (`at_soft`) whatever the recipe's classes are."""
    from uss.models import published
    from uss.models.panns import Cnn14DecisionLevelMax

    network = published.load_panns(file, kind)
    if kind is Cnn14DecisionLevelMax:
        columns = detector_columns()
        say_which_are_maxima(columns)
        network = published.of_classes(network, columns)
    return network


def panns_content(pretrained: Pretrained, names: list[str]) -> dict[str, dict]:
    """Those PANNs as plain tensors, and the shape of each; weights that they share stand once."""
    from uss.model_store.loading import load_detector
    from uss.models import published
    from uss.models.panns import Cnn14, Cnn14DecisionLevelMax

    own = None
    content = {}
    kinds = {"sound_event_detector": Cnn14DecisionLevelMax, "query_encoder": Cnn14}
    for name in names:
        file, kind = getattr(pretrained, name), kinds[name]
        if file is None:
            model, weights = own = own or load_detector(DETECTOR)
        else:
            network = published_panns(kind, file)
            model = replace(
                published.PANNS,
                num_classes=network.fc_audioset.out_features,
                maximum_of=network.maximum_of,
            )
            weights = network.state_dict()
        content[name] = {"model": to_dict(model), "weights": weights}
    return content


def load_extractor(pretrained: Pretrained, system: System, sample_rate: int) -> "AmaeFeatures":
    """What computes the system's A-MAE features, in eval mode, on the GPU where there is one."""
    from uss.distributed import device
    from uss.models.amae_features import AmaeFeatures

    if begins_with_its_weights(system.amae):
        encoder = load_encoder(pretrained)
    else:
        encoder = untrained_encoder(pretrained)
    return AmaeFeatures(encoder, system.amae, sample_rate).eval().to(device())


def load_encoder(pretrained: Pretrained) -> "AudioMaeEncoder":
    """The A-MAE with its weights, in eval mode, on the CPU."""
    from uss.model_store.loading import load_amae
    from uss.models import published

    file = pretrained.audio_mae
    return load_amae(AMAE) if file is None else published.load_audio_mae(file)


def untrained_encoder(pretrained: Pretrained) -> "AudioMaeEncoder":
    """An A-MAE of the same shape with initial weights, from the seed of the recipe's A-MAE."""
    import torch

    from uss.models.audio_mae import AudioMaeEncoder
    from uss.models.published import AUDIO_MAE

    model, seed = (AUDIO_MAE, 0) if pretrained.audio_mae else _own_amae()
    torch.manual_seed(torch_seed(seed, "initial_weights"))
    return AudioMaeEncoder(model).eval()
