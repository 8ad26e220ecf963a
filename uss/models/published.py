"""Published weights into our models: PANNs, Audio-MAE, and the separators of bytedance/uss.

A file is recognised by its content. All faults are a ValueError with the path and the remedy.
"""

import re
from pathlib import Path
from typing import Literal, NamedTuple

import torch
from torch import nn

from uss.models.audio_mae import AudioMaeEncoder
from uss.models.checkpoint_file import read
from uss.models.mae_resunet import Separator, build_separator
from uss.models.panns import AnyPanns, Cnn14, Cnn14DecisionLevelMax, Panns
from uss.models.published_tables import panns_tables, resunet_tables, without_tables
from uss.models.weights import FETCH_AGAIN, build, form, shortened
from uss.schema import AmaeModel, PannsModel, Stft, System

SAMPLE_RATE = 32000
PANNS = PannsModel(sample_rate=SAMPLE_RATE, num_classes=527)
# Mean and deviation of the filterbank on AudioSet, from the published training code.
AUDIO_MAE = AmaeModel(mean=-4.2677393, std=4.5689974)
WINDOW_SIZE = 2048  # of the published separators
# Buffers of their training: the mean filter of the detector's scores, and the loss's own STFT.
WITHOUT_WEIGHTS = r"anchor_segment_detector\.anchor_segment_scorer\.|loss_function\."

KINDS = {
    "panns": "a PANNs network",
    "audio_mae": "a pretrained Audio-MAE",
    "uss": "a bytedance/uss checkpoint",
}


class UssCheckpoint(NamedTuple):
    """All of a bytedance/uss Lightning checkpoint: the separator and both PANNs beside it."""

    separator: Separator
    system: System
    query_encoder: Cnn14
    sound_event_detector: Cnn14DecisionLevelMax


def load(
    path: Path | str, panns: type[Panns] | None = None
) -> Panns | AudioMaeEncoder | UssCheckpoint:
    """The model of a published file, in eval mode on the CPU.

    panns: Cnn14 or Cnn14DecisionLevelMax, which share their keys; only for a PANNs file.
    """
    path = Path(path)
    kind, tensors = recognise(path)
    if kind == "audio_mae":
        return build_audio_mae(tensors, path)
    if kind == "uss":
        return build_uss(tensors, path)
    if panns is None:
        raise ValueError(f"{path} is a PANNs network: say which pooling it was trained with")
    return build_panns(panns, tensors, path)


def load_panns(path: Path | str, panns: type[AnyPanns]) -> AnyPanns:
    """Cnn14 or Cnn14DecisionLevelMax from a file of PANNs (`{"model": ...}`), in eval mode."""
    return build_panns(panns, expect(Path(path), "panns"), path)


def of_classes(detector: AnyPanns, columns: list[list[int]]) -> AnyPanns:
    """A published network with other classes, in order: for each the columns (indices of AudioSet's
    classes) whose maximum is its probability."""
    used = list(dict.fromkeys(column for of_one in columns for column in of_one))
    layer = nn.Linear(detector.fc_audioset.in_features, len(used))
    with torch.no_grad():
        layer.weight.copy_(detector.fc_audioset.weight[used])
        layer.bias.copy_(detector.fc_audioset.bias[used])
    detector.fc_audioset = layer
    if columns != [[column] for column in used]:
        detector.maximum_of = [[used.index(column) for column in of_one] for of_one in columns]
    return detector.eval()


def load_audio_mae(path: Path | str) -> AudioMaeEncoder:
    """The encoder of Audio-MAE's pretrained.pth, or of timm's port of it, in eval mode."""
    return build_audio_mae(expect(Path(path), "audio_mae"), path)


def load_uss(path: Path | str) -> UssCheckpoint:
    """Separator, its configuration, and both PANNs from a Lightning checkpoint, in eval mode."""
    return build_uss(expect(Path(path), "uss"), path)


def build_panns(panns: type[AnyPanns], tensors: dict, origin: Path | str) -> AnyPanns:
    weights = without_tables(tensors, panns_tables(PANNS), origin)
    return build(lambda: panns(PANNS), weights, origin).eval()


def build_audio_mae(tensors: dict, path: Path | str) -> AudioMaeEncoder:
    """The position table comes from the file. The decoder, 16 Swin blocks there, is left out."""
    if "norm.weight" not in tensors or "head.weight" in tensors:
        raise ValueError(
            f"{path} is a fine-tuned Audio-MAE, with `fc_norm` and a classifier in place of the "
            "final norm that the features are taken after: give the pretrained file, pretrained.pth"
        )
    kept = {k: v for k, v in tensors.items() if not re.match("decoder_|mask_token$", k)}
    return build(lambda: AudioMaeEncoder(AUDIO_MAE), kept, path).eval()


def build_uss(tensors: dict, path: Path | str) -> UssCheckpoint:
    parts: dict[str, dict] = {
        "ss_model": {},
        "query_net.base": {},
        "anchor_segment_detector.sed_model": {},
    }
    others = []
    for key, tensor in tensors.items():
        if re.match(WITHOUT_WEIGHTS, key):
            continue
        prefix = next((prefix for prefix in parts if key.startswith(prefix + ".")), None)
        if prefix is None:
            others.append(key)
        else:
            parts[prefix][key.removeprefix(prefix + ".")] = tensor
    if others:
        raise ValueError(
            f"{path} has parts that we do not know: {shortened(sorted(others), 4)}; a query net "
            "with an adaptor of its own is not supported"
        )
    separator, query, detector = parts.values()
    return UssCheckpoint(
        *build_uss_separator(separator, f"{path}, ss_model"),
        build_panns(Cnn14, query, f"{path}, query_net"),
        build_panns(Cnn14DecisionLevelMax, detector, f"{path}, anchor_segment_detector"),
    )


def build_uss_separator(tensors: dict, origin: str) -> tuple[Separator, System]:
    """ResUNet30, steered by an embedding (2048) or by clip probabilities (527)."""
    queries: dict[int, Literal["embedding", "at_soft"]] = {2048: "embedding", 527: "at_soft"}
    film = form(tensors.get("film.encoder_block1->conv_block1->beta1.weight"))
    query_size = film[-1] if isinstance(film, tuple) and film else None
    if query_size not in queries:
        raise ValueError(
            f"{origin} takes a query of {query_size} values; the published separators "
            f"take {' or '.join(map(str, queries))}"
        )
    system = System(
        query=queries[query_size],
        normalization="none",
        stft=Stft(window_size=WINDOW_SIZE, hop_size=320),
    )
    tensors = without_tables(tensors, resunet_tables(WINDOW_SIZE), origin)
    used = {key: tensor for key, tensor in tensors.items() if not is_dead(key)}
    separator = build(
        lambda: build_separator(system, query_size, SAMPLE_RATE), used, origin, published_key
    )
    return separator.eval(), system


def recognise(path: Path) -> tuple[str, dict]:
    """The kind of a file and its tensors, unwrapped."""
    content = read(path)
    for wrapper in ("model", "state_dict"):
        if isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    for key in content:
        if not isinstance(key, str):
            raise ValueError(
                f"{path} has the key {str(key)[:40]}, and weights have names. {FETCH_AGAIN}"
            )
    if "conv_block1.conv1.weight" in content and "fc_audioset.weight" in content:
        return "panns", content
    if "patch_embed.proj.weight" in content:
        return "audio_mae", content
    if any(key.startswith("ss_model.") for key in content):
        return "uss", content
    raise ValueError(
        f"{path} is none of {', '.join(KINDS.values())}; it holds "
        f"{shortened([key[:80] for key in content], 4) or 'nothing'}"
    )


def expect(path: Path, kind: str) -> dict:
    found, tensors = recognise(path)
    if found != kind:
        raise ValueError(f"{path} is {KINDS[found]}, and {KINDS[kind]} was asked for")
    return tensors


def is_dead(key: str) -> bool:
    """Decoder blocks hold a second BatchNorm and FiLM layer that nothing uses."""
    return bool(re.match(r"base\.decoder_block\d\.bn2\.|film\.decoder_block\d->beta2\.", key))


def published_key(key: str) -> str:
    """The key of ResUNet30's file for a key of our separator."""
    rules = (
        (r"^network\.(unet\.)?", ""),
        (r"^encoders\.(\d)", lambda match: f"encoder_block{int(match[1]) + 1}.conv_block1"),
        (r"^bottleneck", "conv_block7a.conv_block1"),
        (r"^decoders\.(\d)", lambda match: f"decoder_block{int(match[1]) + 1}"),
        (r"\.block\.", ".conv_block2."),
        (r"\.norm(\d)\.bn\.", r".bn\1."),
        (r"\.norm(\d)\.beta\.", r".beta\1."),
    )
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    if ".beta" not in key:
        return f"base.{key}"
    module, parameter = key.rsplit(".", 1)
    return f"film.{module.replace('.', '->')}.{parameter}"
