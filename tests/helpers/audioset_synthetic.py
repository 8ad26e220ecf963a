"""A synthetic AudioSet in the real formats: lists at real scale, audio at a reduced one.

    python -m tests.helpers.audioset_synthetic FOLDER --num-train-clips 1500 --num-eval-clips 500

writes FOLDER/segments/{balanced_train,eval}_segments.csv (22,160 + 20,371 rows) and audio of some
of their clips in the layouts asked for: FOLDER/audio/<list>/ (files), FOLDER/packed/<list>.h5.
"""

import argparse
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
import soundfile

from uss.labels import Classes, audioset_classes

NUM_SEGMENTS = {"balanced_train_segments": 22160, "eval_segments": 20371}
ALPHANUMERIC = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"))
UNDERSCORE_SHARE, HYPHEN_SHARE = 0.15, 0.02  # of AudioSet's ids
SHORT_SHARE = 0.02  # segments that end before 10 s, with their videos
LABELS_PER_CLIP = 2.386  # 52,882 labels of 22,160 clips
DOMINANT = 0.26  # share of clips with speech, and with music


class Row(NamedTuple):
    """A segment as a list has it."""

    clip_id: str
    start_seconds: float
    end_seconds: float
    labels: tuple[str, ...]

    @property
    def seconds(self) -> float:
        return self.end_seconds - self.start_seconds


def make_ids(num: int, rng: np.random.Generator) -> list[str]:
    """Distinct ids of 11 characters; exactly the shares that hold `_` and begin with `-`."""
    ids: dict[str, None] = {}
    while len(ids) < num:
        for letters in rng.choice(ALPHANUMERIC, (num, 11)):
            number = len(ids)
            if number % 100 < 100 * UNDERSCORE_SHARE:
                letters[1 + number % 10] = "_"
            if 20 <= number % 100 < 20 + 100 * HYPHEN_SHARE:
                letters[0] = "-"
            ids["".join(letters)] = None
            if len(ids) == num:
                break
    return [str(name) for name in rng.permutation(list(ids))]


def make_rows(ids: list[str], classes: Classes, rng: np.random.Generator) -> list[Row]:
    """Segments whose labels are skewed as AudioSet's: every class has about 60 clips or more in a
    list of 20,000, speech and music a quarter of all, and the others fall off as a power law."""
    weight = rng.permutation(1 / np.arange(10, 10 + len(classes)))
    dominant = [classes.index_of_name("Speech"), classes.index_of_name("Music")]
    weight[dominant] = 0
    rest = np.flatnonzero(weight)
    weight = weight[rest] / weight[rest].sum()
    deck = np.concatenate([rng.permutation(rest) for _ in range(len(ids) // len(rest) + 1)])
    num_more = rng.poisson(LABELS_PER_CLIP - 1 - 2 * DOMINANT, len(ids))
    more = iter(rng.choice(rest, num_more.sum(), p=weight))
    rows = []
    for number, clip_id in enumerate(ids):
        labels = [deck[number], *(next(more) for _ in range(num_more[number]))]
        labels += [index for index in dominant if rng.random() < DOMINANT]
        start = 10.0 * rng.integers(0, 60) if rng.random() < 0.9 else round(rng.uniform(0, 99), 3)
        seconds = round(rng.uniform(3, 10), 3) if rng.random() < SHORT_SHARE else 10.0
        mids = tuple(classes.ids[index] for index in dict.fromkeys(labels))
        rows.append(Row(clip_id, start, round(start + seconds, 3), mids))
    return sorted(rows)


def write_list(path: Path, rows: list[Row]) -> None:
    """As AudioSet's segment lists are written."""
    num_labels = sum(len(row.labels) for row in rows)
    num_classes = len({label for row in rows for label in row.labels})
    lines = [
        "# Segments csv created Sun Mar  5 10:54:31 2017",
        f"# num_ytids={len(rows)}, num_segs={len(rows)}, num_unique_labels={num_classes}, "
        f"num_positive_labels={num_labels}",
        "# YTID, start_seconds, end_seconds, positive_labels",
    ]
    for row in rows:
        labels = ",".join(row.labels)
        lines.append(f'{row.clip_id}, {row.start_seconds:.3f}, {row.end_seconds:.3f}, "{labels}"')
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")


def waveform(row: Row, classes: Classes, rate: int, seconds: float | None = None) -> np.ndarray:
    """(samples,) float32: noise, and a burst of a tone for each label. Depends on the row only."""
    rng = np.random.default_rng(list(row.clip_id.encode()))
    seconds = row.seconds if seconds is None else seconds
    num_samples = round(seconds * rate)
    result = rng.normal(0, 0.003, num_samples).astype(np.float32)
    for label in row.labels:
        num = min(round(rng.uniform(1.0, 3.0) * rate), num_samples)
        start = int(rng.integers(0, num_samples - num + 1))
        frequency = 100.0 * 2 ** (classes.index(label) / len(classes) * 5)  # 100 .. 3200 Hz
        tone = np.sin(2 * np.pi * frequency / rate * np.arange(num), dtype=np.float32)
        result[start : start + num] += 0.1 * tone
    return result


def write_audio(folder: Path, rows: list[Row], classes: Classes, rate: int) -> None:
    """A local copy: Y<id>.wav, as audioset_tagging_cnn names them."""
    folder.mkdir(parents=True, exist_ok=True)
    for row in rows:
        soundfile.write(folder / f"Y{row.clip_id}.wav", waveform(row, classes, rate), rate)


def write_packed(
    path: Path, rows: list[Row], there: set[str], classes: Classes, rate: int, seconds: float = 10.0
) -> None:
    """As audioset_tagging_cnn packs a list: clips that are not there leave an empty row."""
    path.parent.mkdir(parents=True, exist_ok=True)
    num_samples = round(seconds * rate)
    with h5py.File(path, "w") as file:
        file.create_dataset("audio_name", shape=(len(rows),), dtype="S20")
        file.create_dataset("waveform", shape=(len(rows), num_samples), dtype=np.int16)
        file.create_dataset("target", shape=(len(rows), len(classes)), dtype=bool)
        file.attrs.create("sample_rate", data=rate, dtype=np.int32)
        for number, row in enumerate(rows):
            if row.clip_id in there:
                audio = waveform(row, classes, rate)[:num_samples]
                file["audio_name"][number] = f"Y{row.clip_id}.wav".encode()
                file["waveform"][number, : len(audio)] = (audio * 32767).astype(np.int16)
                file["target"][number] = classes.multi_hot(" ".join(row.labels))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-train-clips", type=int, default=1500, help="with audio")
    parser.add_argument("--num-eval-clips", type=int, default=500, help="with audio")
    parser.add_argument("--rate", type=int, default=32000, help="of the audio, in Hz")
    parser.add_argument("--layouts", nargs="+", choices=["files", "packed"], default=["files"])
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rng = np.random.default_rng(options.seed)
    classes = audioset_classes()
    ids = make_ids(sum(NUM_SEGMENTS.values()), rng)
    nums = (options.num_train_clips, options.num_eval_clips)
    for name, num in zip(NUM_SEGMENTS, nums, strict=True):
        here, ids = ids[: NUM_SEGMENTS[name]], ids[NUM_SEGMENTS[name] :]
        rows = make_rows(here, classes, rng)
        write_list(options.folder / "segments" / f"{name}.csv", rows)
        there = [rows[row] for row in sorted(rng.permutation(len(rows))[:num])]
        if "files" in options.layouts:
            write_audio(options.folder / "audio" / name, there, classes, options.rate)
        if "packed" in options.layouts:
            path = options.folder / "packed" / f"{name}.h5"
            write_packed(path, there, {row.clip_id for row in there}, classes, options.rate)


if __name__ == "__main__":
    main()
