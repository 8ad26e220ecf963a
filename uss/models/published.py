"""Published weights into our models: PANNs, Audio-MAE, and the separators of bytedance/uss.

A file is recognised by its content. All faults are a ValueError with the path and the remedy.
"""

import re
from pathlib import Path
from typing import NamedTuple

from uss.models.audio_mae import AudioMaeEncoder
from uss.models.checkpoint_file import fill, read, shortened
from uss.models.mae_resunet import Separator, build_separator
from uss.models.panns import Cnn14, Cnn14DecisionLevelMax, Panns
from uss.models.published_tables import panns_tables, resunet_tables, without_tables
from uss.schema import AmaeModel, PannsModel, Stft, System

SAMPLE_RATE = 32000
PANNS = PannsModel(sample_rate=SAMPLE_RATE, num_classes=527)
# Mean and deviation of the filterbank on AudioSet, from the published training code.
AUDIO_MAE = AmaeModel(mean=-4.2677393, std=4.5689974)
WINDOW_SIZE = 2048  # of the published separators

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
    kind, _ = recognise(Path(path))
    if kind == "panns":
        if panns is None:
            raise ValueError(f"{path} is a PANNs network: say which pooling it was trained with")
        return load_panns(path, panns)
    return load_audio_mae(path) if kind == "audio_mae" else load_uss(path)


def load_panns(path: Path | str, panns: type[Panns]) -> Panns:
    """Cnn14 or Cnn14DecisionLevelMax from a file of PANNs (`{"model": ...}`)."""
    path = Path(path)
    return build_panns(panns, expect(path, "panns"), str(path))


def load_audio_mae(path: Path | str) -> AudioMaeEncoder:
    """The encoder of Audio-MAE's pretrained.pth, or of timm's port of it.

    Its position table comes from the file. The decoder, 16 Swin blocks there, is left out.
    """
    path = Path(path)
    tensors = expect(path, "audio_mae")
    if "norm.weight" not in tensors or "head.weight" in tensors:
        raise ValueError(
            f"{path} is a fine-tuned Audio-MAE: it has a classifier or `fc_norm`, and not the "
            "final norm that the features are taken after; give the pretrained file (pretrained.pth)"
        )
    encoder = AudioMaeEncoder(AUDIO_MAE)
    kept = {k: v for k, v in tensors.items() if not re.match("decoder_|mask_token$", k)}
    fill(encoder, kept, path)
    return encoder.eval()


def load_uss(path: Path | str) -> UssCheckpoint:
    """Separator, its configuration, and both PANNs from a Lightning checkpoint."""
    path = Path(path)
    tensors = expect(path, "uss")
    parts = {
        "ss_model": {},
        "query_net.base": {},
        "anchor_segment_detector.sed_model": {},
    }
    others = []
    for key, tensor in tensors.items():
        prefix = next((prefix for prefix in parts if key.startswith(prefix + ".")), None)
        if prefix is None:
            others.append(key)
        else:
            parts[prefix][key.removeprefix(prefix + ".")] = tensor
    if others:
        raise ValueError(
            f"{path} has parts that we do not know: {shortened(sorted(others))}; a query net with "
            "an adaptor of its own is not supported"
        )
    separator, query, detector = parts.values()
    separator, system = build_uss_separator(separator, path)
    return UssCheckpoint(
        separator,
        system,
        build_panns(Cnn14, query, f"{path}, query_net"),
        build_panns(Cnn14DecisionLevelMax, detector, f"{path}, anchor_segment_detector"),
    )


def recognise(path: Path) -> tuple[str, dict]:
    """The kind of a file and its tensors, unwrapped."""
    content = read(path)
    for wrapper in ("model", "state_dict"):
        if isinstance(content.get(wrapper), dict):
            content = content[wrapper]
    if "conv_block1.conv1.weight" in content and "fc_audioset.weight" in content:
        return "panns", content
    if "patch_embed.proj.weight" in content:
        return "audio_mae", content
    if any(str(key).startswith("ss_model.") for key in content):
        return "uss", content
    raise ValueError(
        f"{path} is none of {', '.join(KINDS.values())}; it holds "
        f"{shortened([str(key) for key in content], 4) or 'nothing'}"
    )


def expect(path: Path, kind: str) -> dict:
    found, tensors = recognise(path)
    if found != kind:
        raise ValueError(f"{path} is {KINDS[found]}, and {KINDS[kind]} was asked for")
    return tensors


def build_panns(panns: type[Panns], tensors: dict, origin: str) -> Panns:
    model = panns(PANNS)
    fill(model, without_tables(tensors, panns_tables(PANNS), origin), origin)
    return model.eval()


def build_uss_separator(tensors: dict, path: Path) -> tuple[Separator, System]:
    """ResUNet30, conditioned by an embedding (2048) or by clip probabilities (527)."""
    queries = {2048: "embedding", 527: "at_soft"}
    film = tensors.get("film.encoder_block1->conv_block1->beta1.weight")
    condition_size = film.shape[-1] if film is not None else None
    if condition_size not in queries:
        raise ValueError(
            f"{path}: the separator takes a condition of {condition_size} values; the published "
            f"ones take {' or '.join(map(str, queries))}"
        )
    system = System(
        query=queries[condition_size],
        normalization="none",
        stft=Stft(window_size=WINDOW_SIZE, hop_size=320),
    )
    separator = build_separator(system, condition_size, SAMPLE_RATE)
    tensors = without_tables(tensors, resunet_tables(WINDOW_SIZE), f"{path}, ss_model")
    renamed = {rename(key): tensor for key, tensor in tensors.items() if not is_dead(key)}
    fill(separator, renamed, path)
    return separator.eval(), system


def is_dead(key: str) -> bool:
    """Decoder blocks hold a second BatchNorm and FiLM layer that nothing uses."""
    return re.match(r"(base\.decoder_block\d\.bn2\.|film\.decoder_block\d->beta2\.)", key) is not None


def rename(key: str) -> str:
    """A key of ResUNet30's file -> ours; what fits no rule stays, and is reported as unexpected."""
    if key.startswith("base.bn0."):
        return key.replace("base.", "network.", 1)
    rules = (
        (r"^(base|film)\.", "network.unet."),
        (r"->", "."),
        (r"encoder_block(\d)\.conv_block1", lambda m: f"encoders.{int(m[1]) - 1}"),
        (r"conv_block7a\.conv_block1", "bottleneck"),
        (r"decoder_block(\d)", lambda m: f"decoders.{int(m[1]) - 1}"),
        (r"conv_block2", "block"),
        (r"\.bn(\d)\.", r".norm\1.bn."),
        (r"\.beta(\d)\.", r".norm\1.beta."),
    )
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key

