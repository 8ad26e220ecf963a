"""ESC-50 and FSDKaggle2018 in their published formats, with few sounds, for egs/esc50 and
egs/fsdkaggle2018."""

import csv
import shutil
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import soundfile

RATE = 44100
ESC50_COLUMNS = "filename,fold,target,category,esc10,src_file,take"
TRAIN_COLUMNS = "fname,label,manually_verified,freesound_id,license"
TEST_COLUMNS = "fname,label,usage,freesound_id,license"


def write_csv(path: Path, columns: str, rows: Iterable[tuple]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns.split(","))
        writer.writerows(rows)


def write_sound(path: Path, seconds: float, number: int) -> None:
    """A burst of a tone in faint noise, 16 bits, mono."""
    rng = np.random.default_rng(number)
    time = np.arange(round(seconds * RATE)) / RATE
    burst = np.abs(time - rng.uniform(0.2, 0.8) * seconds) < 0.5
    wave = 0.3 * burst * np.sin(2 * np.pi * 200 * (1 + number % 40) * time)
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, wave + 0.01 * rng.standard_normal(len(time)), RATE, subtype="PCM_16")


def esc50(folder: Path, categories: dict[str, int], num_sources: int = 1) -> Path:
    """ESC-50-master: of each category and fold so many sources, and of each source takes A and B.

    categories: name -> target, as in the published list.
    """
    rows = []
    for fold in range(1, 6):
        for category, target in categories.items():
            for number in range(num_sources):
                source = 100000 + 1000 * fold + 10 * target + number
                for take in "AB":
                    name = f"{fold}-{source}-{take}-{target}.wav"
                    rows.append((name, fold, target, category, "False", source, take))
                    write_sound(folder / "audio" / name, 5.0, target)
    write_csv(folder / "meta" / "esc50.csv", ESC50_COLUMNS, rows)
    return folder


def fsdkaggle2018(folder: Path, labels: list[str], num_train: int, num_test: int) -> Path:
    """So many training and test clips of each label; the first ones of each last 14 s, others 1."""
    for part, num, columns, name in (
        ("train", num_train, TRAIN_COLUMNS, "train_post_competition.csv"),
        ("test", num_test, TEST_COLUMNS, "test_post_competition_scoring_clips.csv"),
    ):
        rows = []
        for number in range(num * len(labels)):
            label = labels[number % len(labels)]
            fname = f"{number:04x}{'0a' if part == 'train' else '0b'}.wav"
            seconds = 14.0 if number < len(labels) else 1.0
            write_sound(folder / f"FSDKaggle2018.audio_{part}" / fname, seconds, number)
            third = 1 if part == "train" else "Public"
            rows.append((fname, label, third, 10000 + number, "Creative Commons 0"))
        write_csv(folder / "FSDKaggle2018.meta" / name, columns, rows)
    return folder


def copy_conf(recipe: Path, folder: Path) -> Path:
    """What stage 0 of a recipe reads, in a folder of its own."""
    ignored = shutil.ignore_patterns("__pycache__")
    for name in ("conf", "local"):
        shutil.copytree(recipe / name, folder / name, ignore=ignored)
    return folder
