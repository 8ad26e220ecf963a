"""Stage 0: synthesise weakly labelled clips of AudioSet classes.

Reads conf/data.yaml. Writes data/classes.csv and data/forbidden_pairs.csv, and for each split
data/raw/<split>/*.wav, data/<split>/clips.csv and data/<split>/events.csv (the true times).
In the recipe's folder, with uss in Python's path:

    python -m local.make_clips --conf conf
"""

import logging
import shutil
import time
from pathlib import Path

import numpy as np

from uss.audio import write_audio
from uss.command import parser, run
from uss.config import load, to_dict
from uss.data.dataset import LABELLED_SPLITS
from uss.files import Step, read_facts
from uss.labels import ancestor_pairs, audioset_classes
from uss.tables import ClassPair, ClassRow, Clip, Event, write_table

from .data_config import Data
from .parameters import Parameters
from .sounds import SOUNDS, shaped_noise

logger = logging.getLogger("make_clips")

LOCAL = Path(__file__).parent
DATA = Path("data")
DECK, CLIP = 0, 1  # purposes of a generator: default_rng([seed, split, purpose, index])


def class_rows() -> list[ClassRow]:
    """The recipe's classes with indices of their own and AudioSet's ids, in AudioSet's order."""
    classes = audioset_classes()
    order = sorted(SOUNDS, key=classes.index_of_name)
    return [
        ClassRow(index, classes.ids[classes.index_of_name(name)], name)
        for index, name in enumerate(order)
    ]


def forbidden_pairs(classes: list[ClassRow]) -> list[ClassPair]:
    """A class and its ancestor in AudioSet's ontology, such as Chirp tone and Sine wave."""
    related = ancestor_pairs([row.class_id for row in classes])
    return [ClassPair(f"{number:03d}", *pair) for number, pair in enumerate(related)]


def labels_of_clips(data: Data, split: str, classes: list[ClassRow]) -> list[list[ClassRow]]:
    """The classes that sound in each clip of a split, in their order of time.

    A round is a shuffled deck of all classes, dealt to its clips: every class is equally frequent.
    """
    if sum(data.events_per_clip) != len(classes):
        raise ValueError(
            f"events_per_clip {data.events_per_clip} sums to {sum(data.events_per_clip)}; "
            f"every one of the {len(classes)} classes must sound once in a round"
        )
    labels = []
    for index in range(getattr(data.num_rounds, split)):
        rng = np.random.default_rng([data.seed, LABELLED_SPLITS.index(split), DECK, index])
        deck = iter(rng.permutation(len(classes)))
        for num_events in rng.permutation(data.events_per_clip):
            labels.append([classes[next(deck)] for _ in range(num_events)])
    return labels


def event_waveform(name: str, data: Data, parameters: Parameters, max_samples: int) -> np.ndarray:
    """One faded sound at its level: (at most max_samples,)"""
    share = data.min_event_share + (1 - data.min_event_share) * parameters.rng.random()
    waveform = SOUNDS[name](parameters, int(share * max_samples), data.sample_rate)
    fade = np.sin(np.linspace(0, np.pi / 2, round(data.fade_seconds * data.sample_rate))) ** 2
    waveform[: len(fade)] *= fade
    waveform[len(waveform) - len(fade) :] *= fade[::-1]
    level = 10 ** (parameters.uniform(*data.event_dbfs) / 20)
    waveform *= level / np.sqrt(np.mean(waveform**2))
    return waveform * min(1.0, 0.9 / np.abs(waveform).max())  # sparse clicks would clip


def background(data: Data, num_samples: int, parameters: Parameters) -> np.ndarray:
    """A noise floor between white and pink in colour: (num_samples,)"""
    slope = parameters.uniform(0.0, 0.5)
    noise = shaped_noise(
        lambda f: np.maximum(f, 20.0) ** -slope, num_samples, data.sample_rate, parameters.rng
    )
    level = 10 ** (parameters.uniform(*data.background_dbfs) / 20)
    return noise * level / noise.std()


def synthesise(
    data: Data, split: str, index: int, labels: list[ClassRow]
) -> tuple[np.ndarray, list[tuple[int, int]]]:
    """One clip: its waveform (num_samples,) and the (first sample, num_samples) of each event."""
    rng = np.random.default_rng([data.seed, LABELLED_SPLITS.index(split), CLIP, index])
    parameters = Parameters(rng, split)
    num_samples = round(data.clip_seconds * data.sample_rate)
    max_samples = int(num_samples * data.max_event_fraction / len(labels))
    events = [event_waveform(row.name, data, parameters, max_samples) for row in labels]

    # The silence left beside events and smallest gaps is divided at random.
    gap = round(data.min_gap_seconds * data.sample_rate)
    free = num_samples - sum(map(len, events)) - gap * (len(events) + 1)
    cuts = np.sort(rng.integers(0, free + 1, len(events)))
    clip = background(data, num_samples, parameters)
    times, before = [], 0
    for number, (event, cut) in enumerate(zip(events, cuts, strict=True), 1):
        start = int(cut) + number * gap + before
        clip[start : start + len(event)] += event
        times.append((start, len(event)))
        before += len(event)
    return clip, times


def write_split(data: Data, split: str, classes: list[ClassRow]) -> tuple[int, int]:
    """Write audio and tables of a split; returns the numbers of clips and events."""
    folder = DATA / "raw" / split
    table = DATA / split / "clips.csv"
    table.unlink(missing_ok=True)  # written last: an interrupted run does not look finished
    if folder.exists():
        shutil.rmtree(folder)  # clips of other settings would stay behind
    folder.mkdir(parents=True)
    clips, events = [], []
    for index, labels in enumerate(labels_of_clips(data, split, classes)):
        clip_id = f"{split}_{index:04d}"
        path = folder / f"{clip_id}.wav"
        waveform, times = synthesise(data, split, index, labels)
        write_audio(path, waveform, data.sample_rate, "WAV", "PCM_16")
        ids = " ".join(sorted(row.class_id for row in labels))
        clips.append(Clip(clip_id, str(path), 0.0, data.clip_seconds, ids, clip_id))
        for number, (row, (start, length)) in enumerate(zip(labels, times, strict=True)):
            start_seconds, seconds = start / data.sample_rate, length / data.sample_rate
            event_id = f"{clip_id}_{number}"
            events.append(Event(event_id, clip_id, row.class_id, start_seconds, seconds, clip_id))
    write_table(DATA / split / "events.csv", events, Event)
    write_table(table, clips, Clip)
    return len(clips), len(events)


def is_current(step: Step, split: str) -> bool:
    """Whether the split's table stands, and its events and all its audio are still there."""
    if not step.is_current():
        return False
    num_files = sum(1 for _ in (DATA / "raw" / split).glob("*.wav"))
    if num_files == read_facts(step.output)["num_clips"] and (DATA / split / "events.csv").exists():
        return True
    logger.info("run %s: events.csv or audio files are gone", step.output)
    return False


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    data = load(options.conf, "data", Data, options.overrides)
    inputs = {f"local/{path.name}": path for path in sorted(LOCAL.glob("*.py"))}
    classes = class_rows()

    for name, rows, cls in (
        ("classes.csv", classes, ClassRow),
        ("forbidden_pairs.csv", forbidden_pairs(classes), ClassPair),
    ):
        step = Step(DATA / name, inputs, {})
        if not step.is_current():
            write_table(step.output, rows, cls)
            step.finish()
    for split in LABELLED_SPLITS:
        step = Step(DATA / split / "clips.csv", inputs, to_dict(data))
        if is_current(step, split):
            continue
        start = time.monotonic()
        num_clips, num_events = write_split(data, split, classes)
        step.finish(num_clips=num_clips, num_events=num_events)
        seconds = time.monotonic() - start
        logger.info(
            "wrote %s: %d clips, %d events, %.1f s", step.output, num_clips, num_events, seconds
        )


if __name__ == "__main__":
    run(main)
