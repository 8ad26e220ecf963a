"""A synthetic FSD50K in the real formats: vocabulary, ground truth, metadata, WAV, split archives.

    python -m tests.helpers.fsd50k_synthetic FOLDER --num-dev 40966 --num-eval 10231

writes FOLDER/FSD50K.ground_truth, .metadata, .dev_audio and .eval_audio, as unpacked archives are;
--empty-audio writes WAV headers alone, whose files have the right length and hold no disk.
"""

import argparse
import csv
import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import soundfile

from tests.helpers.split_archive import write_parts, zipped
from uss.labels import audioset_ancestors, audioset_classes, audioset_names, audioset_parents

RATE = 44100
SHORTEST, LONGEST = 0.3, 30.0  # seconds
SECOND_LABEL_SHARE = 0.25  # of the clips, with another class too
VAGUE_SHARE = 0.1  # of the clips, whose most specific class is no leaf
CLIPS_PER_UPLOADER = 8
VAL_SHARE = 0.1  # of the uploaders of dev
CRASH_CYMBAL = "/m/0bm0k"  # AudioSet's ontology has it, its 527 classes do not
NAMES = ("dev", "eval")


class SyntheticClip(NamedTuple):
    fname: str
    class_ids: list[str]  # the most specific first, then those above
    split: str  # train, val or eval
    uploader: str
    seconds: float


def label(name: str) -> str:
    """AudioSet's name as FSD50K writes it."""
    return name.replace(", ", "_and_").replace(" ", "_")


def make_vocabulary(num_classes: int, rng: np.random.Generator) -> list[str]:
    """class_ids: leaves of the ontology, and what lies above them but its roots, until enough."""
    parents, ancestors = audioset_parents(), audioset_ancestors()
    inner = {parent for of_one in parents.values() for parent in of_one}
    leaves = [class_id for class_id in audioset_classes().ids if class_id not in inner]
    found: dict[str, None] = {}
    for class_id in [CRASH_CYMBAL, *rng.permutation(leaves).tolist()]:
        new = [class_id, *sorted(a for a in ancestors[class_id] if parents[a])]
        if len(found | dict.fromkeys(new)) <= num_classes:
            found |= dict.fromkeys(new)
    names = audioset_names()
    return sorted(found, key=lambda class_id: label(names[class_id]))


def make_clips(
    vocabulary: list[str], nums: dict[str, int], seed: int, longest: float = LONGEST
) -> list[SyntheticClip]:
    """nums: of dev and of eval. Leaves come in turn; every uploader is on one side."""
    rng, ancestors = np.random.default_rng(seed), audioset_ancestors()
    known = set(vocabulary)
    leaves = sorted(known.difference(*(ancestors[class_id] for class_id in vocabulary)))
    inner = sorted(known - set(leaves))
    fnames = rng.choice(np.arange(100, 20 * sum(nums.values()) + 100), sum(nums.values()), False)
    clips = []
    for name, num in nums.items():
        num_uploaders = max(2, num // CLIPS_PER_UPLOADER)
        num_val = max(1, round(VAL_SHARE * num_uploaders)) if name == "dev" else 0
        for row in range(num):
            chosen = [leaves[row % len(leaves)]]
            if rng.random() < VAGUE_SHARE:
                chosen = [str(rng.choice(inner))]
            if rng.random() < SECOND_LABEL_SHARE:
                chosen.append(str(rng.choice(leaves)))
            above = sorted(set().union(*(ancestors[c] for c in chosen)) & known)
            # Each leaf in turn has clips of every uploader in turn, of both sides.
            uploader = (row // len(leaves) + row) % num_uploaders
            side = "eval" if name == "eval" else "val" if uploader < num_val else "train"
            seconds = float(np.exp(rng.uniform(*np.log([SHORTEST, longest]))))
            fname = str(fnames[len(clips)])
            labels = list(dict.fromkeys([*chosen, *above]))
            clips.append(SyntheticClip(fname, labels, side, f"{name} uploader {uploader}", seconds))
    return clips


def write_tables(folder: Path, vocabulary: list[str], clips: Iterable[SyntheticClip]) -> None:
    """FSD50K.ground_truth and FSD50K.metadata."""
    names = audioset_names()
    labels = {class_id: label(names[class_id]) for class_id in vocabulary}
    truth, metadata = folder / "FSD50K.ground_truth", folder / "FSD50K.metadata"
    truth.mkdir(parents=True, exist_ok=True)
    metadata.mkdir(exist_ok=True)
    rows: dict[str, list] = {"dev": [["fname", "labels", "mids", "split"]]}
    rows["eval"] = [["fname", "labels", "mids"]]
    infos: dict[str, dict] = {"dev": {}, "eval": {}}
    for clip in clips:
        name = "eval" if clip.split == "eval" else "dev"
        row = [clip.fname, ",".join(labels[c] for c in clip.class_ids), ",".join(clip.class_ids)]
        rows[name].append(row if name == "eval" else [*row, clip.split])
        infos[name][clip.fname] = {
            "title": f"sound {clip.fname}.wav",
            "description": "made by a program",
            "tags": ["synthetic"],
            "license": "http://creativecommons.org/publicdomain/zero/1.0/",
            "uploader": clip.uploader,
        }
    vocabulary_rows = [[index, labels[c], c] for index, c in enumerate(vocabulary)]
    for path, content in (
        (truth / "vocabulary.csv", vocabulary_rows),
        *((truth / f"{name}.csv", content) for name, content in rows.items()),
    ):
        with open(path, "w", newline="") as file:
            csv.writer(file, lineterminator="\n").writerows(content)
    for name, info in infos.items():
        (metadata / f"{name}_clips_info_FSD50K.json").write_text(json.dumps(info))


def wav_path(folder: Path, clip: SyntheticClip) -> Path:
    name = "eval" if clip.split == "eval" else "dev"
    return folder / f"FSD50K.{name}_audio" / f"{clip.fname}.wav"


def write_audio(folder: Path, vocabulary: list[str], clips: Iterable[SyntheticClip]) -> None:
    """A tone for the clip's first class, in noise: mono, 16 bits, 44.1 kHz."""
    for clip in clips:
        rng = np.random.default_rng(int(clip.fname))
        time = np.arange(round(clip.seconds * RATE)) / RATE
        frequency = 100.0 * 2 ** (5 * vocabulary.index(clip.class_ids[0]) / len(vocabulary))
        sound = 0.1 * np.sin(2 * np.pi * frequency * time) + rng.normal(0, 0.003, len(time))
        path = wav_path(folder, clip)
        path.parent.mkdir(exist_ok=True)
        soundfile.write(path, sound, RATE, subtype="PCM_16")


def write_empty_audio(folder: Path, clips: Iterable[SyntheticClip]) -> None:
    """WAV files of the right length whose samples are holes: they take no room on the disk."""
    for clip in clips:
        num_bytes = 2 * round(clip.seconds * RATE)
        path = wav_path(folder, clip)
        path.parent.mkdir(exist_ok=True)
        header = struct.pack(
            *("<4sL4s4sL2H2L2H4sL", b"RIFF", 36 + num_bytes, b"WAVE", b"fmt ", 16),
            *(1, 1, RATE, 2 * RATE, 2, 16, b"data", num_bytes),
        )
        with open(path, "wb") as file:
            file.write(header)
            file.truncate(len(header) + num_bytes)


def write_archives(folder: Path, archives: Path, part_bytes: int) -> list[Path]:
    """As Zenodo has them: the audio in parts, the tables in one file each."""
    archives.mkdir(parents=True, exist_ok=True)
    paths = []
    for name in ("dev_audio", "eval_audio", "ground_truth", "metadata"):
        source = folder / f"FSD50K.{name}"
        path = archives / f"{source.name}.zip"
        content = zipped(folder, sorted(source.iterdir()))
        if name.endswith("_audio"):
            paths += write_parts(path, content, part_bytes)
        else:
            path.write_bytes(content)
            paths.append(path)
    return paths


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-dev", type=int, default=400)
    parser.add_argument("--num-eval", type=int, default=100)
    parser.add_argument("--num-classes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--empty-audio", action="store_true")
    options = parser.parse_args()
    vocabulary = make_vocabulary(options.num_classes, np.random.default_rng(options.seed))
    nums = {"dev": options.num_dev, "eval": options.num_eval}
    clips = make_clips(vocabulary, nums, options.seed)
    write_tables(options.folder, vocabulary, clips)
    if options.empty_audio:
        write_empty_audio(options.folder, clips)
    else:
        write_audio(options.folder, vocabulary, clips)


if __name__ == "__main__":
    main()
