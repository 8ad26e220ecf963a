"""A recipe's folder after stage 3, seconds long and with networks of a few units."""

from pathlib import Path

import numpy as np
import yaml

from uss.data.packed import part_path, write_part
from uss.tables import Anchor, ClassRow, Mixture, write_table

RATE = 16000
NUM_CLASSES = 3
EMBEDDING_SIZE = 8
SEGMENT_SECONDS = 0.5

TRAINING = {
    "steps": 20,
    "batch_size": 4,
    "learning_rate": 3e-3,
    "warmup_steps": 1,
    "threads": 1,
    "log_steps": 5,
}
SYSTEM = {
    "stft": {"window_size": 320, "hop_size": 160},
    "channels": [4, 4, 8],
}
CONF = {
    "anchors": {"segment_seconds": SEGMENT_SECONDS},
    "detector": {
        "model": {
            "window_size": 512,
            "hop_size": 160,
            "mel_bins": 32,
            "fmax": 7000.0,
            "channels": [4, 8, EMBEDDING_SIZE],
        },
        "training": {**TRAINING, "learning_rate": 1e-2},
    },
    "amae": {
        "model": {
            "input_frames": 128,
            "mel_bins": 32,
            "width": 16,
            "depth": 2,
            "heads": 2,
            "decoder_width": 16,
            "decoder_depth": 1,
            "decoder_heads": 2,
            "mean": None,
            "std": None,
        },
        "mixtures_per_part": 10,
        "training": {**TRAINING, "amsgrad": False},
    },
    "train": TRAINING,
    "pretrained": {},
    "systems/resunet": SYSTEM,
    "systems/at_soft": {**SYSTEM, "query": "at_soft", "query_norm": "rms"},
    "systems/frozen": {**SYSTEM, "amae": {"features": "aligned", "fusion": "concat"}},
    "systems/updated": {
        **SYSTEM,
        "amae": {"features": "paper", "updated": True, "source": "live", "learning_rate": 1e-3},
    },
}


def tone(rng: np.random.Generator, class_number: int, seconds: float) -> np.ndarray:
    """A class is an octave: (samples,) int16."""
    time = np.arange(round(seconds * RATE)) / RATE
    frequency = 400 * 2**class_number * rng.uniform(1.0, 1.5)
    wave = 0.2 * np.sin(2 * np.pi * frequency * time + rng.uniform(0, 6))
    return ((wave + 0.01 * rng.standard_normal(len(time))) * 32767).astype(np.int16)


def write_clips(folder: Path, rng: np.random.Generator, num_per_class: int) -> None:
    classes = np.repeat(np.arange(NUM_CLASSES), num_per_class)
    datasets = {
        "audio_name": [f"clip_{row:02d}" for row in range(len(classes))],
        "waveform": np.stack([tone(rng, number, 2.5) for number in classes]),
        "target": classes[:, None] == np.arange(NUM_CLASSES),
    }
    half = len(classes) // 2
    for part, rows in enumerate((slice(0, half), slice(half, None))):
        part_datasets = {name: values[rows] for name, values in datasets.items()}
        write_part(part_path(folder / "waveforms", part), part_datasets, sample_rate=RATE)


def write_anchors(split_dir: Path, rng: np.random.Generator, num_per_class: int) -> list[str]:
    classes = np.repeat(np.arange(NUM_CLASSES), num_per_class)
    ids = [f"anchor_{row:02d}" for row in range(len(classes))]
    rows = [
        Anchor(anchor_id, f"clip_{row:02d}", f"/m/{classes[row]}", 0, 1.0, "group")
        for row, anchor_id in enumerate(ids)
    ]
    write_table(split_dir / "anchors.csv", rows, Anchor)
    one_hot = (classes[:, None] == np.arange(EMBEDDING_SIZE)).astype(np.float32)
    datasets = {
        "anchor_id": ids,
        "waveform": np.stack([tone(rng, number, SEGMENT_SECONDS) for number in classes]),
        "embedding": one_hot,
        "probabilities": one_hot[:, :NUM_CLASSES],
    }
    write_part(part_path(split_dir / "anchors", 0), datasets, sample_rate=RATE)
    return ids


def write_recipe(recipe: Path) -> None:
    rng = np.random.default_rng(0)
    for name, content in CONF.items():
        path = recipe / "conf" / f"{name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
    data = recipe / "data"
    classes = [ClassRow(number, f"/m/{number}", f"class {number}") for number in range(NUM_CLASSES)]
    write_table(data / "classes.csv", classes, ClassRow)
    write_clips(data / "train", rng, 4)
    write_clips(data / "dev", rng, 2)
    ids = write_anchors(data / "train", rng, 4)
    mixtures = [
        Mixture(f"{row:08d}", ids[row % len(ids)], ids[(row + 5) % len(ids)]) for row in range(30)
    ]
    write_table(data / "mixtures" / "train.csv", mixtures, Mixture)
    ids = write_anchors(data / "dev", rng, 2)
    pairs = zip(ids, [*ids[2:], *ids[:2]], strict=True)
    mixtures = [Mixture(f"{row:08d}", *pair) for row, pair in enumerate(pairs)]
    write_table(data / "mixtures" / "dev.csv", mixtures, Mixture)
