"""Published weights, damaged: both PANNs, Audio-MAE, and checkpoints of bytedance/uss, through the
readers that stages 2 and 4 and uss.bin.import_uss call."""

import json
import struct
import tempfile
from pathlib import Path

import numpy as np
import torch

from tests.helpers.published_files import lightning, save_audio_mae, save_panns
from tests.helpers.reference_weights import empty_state
from tests.mutation.campaign import Kind, Mutant
from tests.mutation.commands import under_run, warm_up
from tests.mutation.damage import VALUES, Rng, damaged
from tests.mutation.tensors import damaged_tensors
from tests.mutation.trial import Trial

HALF = "all in half precision"
PARTS = ("panns", "panns", "detector", "audio_mae", "audio_mae", "uss", "safetensors")


def prepare() -> Kind:
    warm_up("import_uss")
    contents = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, write in (
            ("panns", lambda path: save_panns(path, empty_state("Cnn14"))),
            ("detector", lambda path: save_panns(path, empty_state("Cnn14_DecisionLevelMax"))),
            ("audio_mae", lambda path: save_audio_mae(path, empty_state("AudioMAE"))),
            (
                "uss",
                lambda path: torch.save(lightning(empty_state("ResUNet30_condition2048")), path),
            ),
        ):
            path = Path(folder, name)
            write(path)
            content = torch.load(path, map_location="cpu", weights_only=False)
            contents[name] = (content, path.read_bytes())
    return Kind("weights", lambda rng, own: make(rng, own, contents))


def make(rng: Rng, folder: Path, contents: dict) -> Mutant:
    part = str(rng.choice(PARTS))
    path = folder / "weights.pth"
    if part == "safetensors":
        what, content = safetensors(rng)
        path.write_bytes(content)
    elif rng.random() < 0.3:
        what, content = damaged(contents[part][1], rng)
        path.write_bytes(content)
    else:
        what, changed = damaged_tensors(contents[part][0], rng)
        if rng.random() < 0.15:
            what, changed = HALF, half(contents[part][0])
        torch.save(changed, path)

    def load() -> None:
        from uss.models import published
        from uss.models.panns import Cnn14, Cnn14DecisionLevelMax

        found = published.load(path, Cnn14DecisionLevelMax if part == "detector" else Cnn14)
        models = found if isinstance(found, tuple) else (found,)
        for model in models:
            if isinstance(model, torch.nn.Module):
                for key, tensor in model.state_dict().items():
                    if not torch.isfinite(tensor.float()).all():
                        print(f"NONSENSE: {key} is not finite")

    expected = "ok" if what == HALF else None
    return Mutant(f"{part}: {what}", [Trial("load", under_run(load), expected=expected)])


def half(content: object) -> object:
    if isinstance(content, dict):
        return {key: half(value) for key, value in content.items()}
    if isinstance(content, torch.Tensor) and content.is_floating_point():
        return content.half()
    return content


def safetensors(rng: Rng) -> tuple[str, bytes]:
    """A header of JSON before the values, with something wrong in it."""
    entry: dict = {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}
    header: dict = {"patch_embed.proj.weight": entry, "__metadata__": {"format": "pt"}}
    key = ["dtype", "shape", "data_offsets", "entry", "bytes", "length"][rng.integers(6)]
    value = VALUES[rng.integers(len(VALUES))]
    if key == "entry":
        header["patch_embed.proj.weight"] = value
    elif key in entry:
        entry[key] = value
    text = json.dumps(header).encode()
    length = len(text)
    if key == "length":
        length = int(rng.choice(np.array([0, 1, 2**31, 2**62, 2**64 - 1], np.uint64)))
    content = struct.pack("<Q", length) + text + bytes(24)
    if key == "bytes":
        what, content = damaged(content, rng)
        return f"bytes: {what}", content
    return f"{key}: {str(value)[:40]!r}", content
