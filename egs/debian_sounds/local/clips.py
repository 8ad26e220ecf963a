"""Builds the clips of a split: audio, clips.csv, events.csv (true times) and sources.csv.

A class occurs at most once in a clip, so clip and class name an event. A clip holds several
recordings: its own group is its id, the groups of the recordings stand in events.csv.
"""

import shutil
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from uss import audio
from uss.audio import to_int16
from uss.tables import ClassPair, ClassRow, Clip, Event, write_table

from .clip_contents import choose, place, share_out
from .data_config import Data
from .recordings import Recording
from .sounds import draw_level, excerpt, load_sound, pink_noise, set_level
from .splits import SPLITS

EVENTS, EXCERPT, SHARE, CLIP = 101, 102, 103, 104  # purposes: default_rng([seed, purpose, ...])


class Source(NamedTuple):
    """sources.csv: the recording behind an event; `sample_rate` is the recording's own."""

    event_id: str
    package: str
    path: str
    group: str
    sample_rate: int
    licence: str


def write_split(
    split: str,
    recordings: list[Recording],
    classes: list[ClassRow],
    forbidden: list[ClassPair],
    config: Data,
    folder: Path,
) -> dict[str, int]:
    """Write one split into `folder`; clips.csv comes last. Returns counts."""
    (folder / "clips.csv").unlink(missing_ok=True)
    shutil.rmtree(folder / "audio", ignore_errors=True)  # clips of other settings
    class_ids = {row.name: row.class_id for row in classes}
    number = SPLITS.index(split)
    rows = choose_events(split, recordings, classes, config)
    loaded = {row.recording_id: load_sound(row.file, config) for row in recordings}
    sounds = []
    for index, row in enumerate(rows):
        rng = np.random.default_rng([config.seed, EXCERPT, number, index])
        sounds.append(excerpt(loaded[row.recording_id], config, rng))

    apart = {frozenset(pair[1:]) for pair in forbidden}
    shared = share_out(
        [
            (class_ids[row.audioset_label], len(sound))
            for row, sound in zip(rows, sounds, strict=True)
        ],
        lambda one, other: one != other and frozenset((one, other)) not in apart,
        round(config.clip_seconds * config.sample_rate),
        round(config.min_gap_seconds * config.sample_rate),
        config.max_events,
        np.random.default_rng([config.seed, SHARE, number]),
    )
    clips, events, sources = [], [], []
    for index, members in enumerate(tqdm(shared, desc=split, disable=None)):
        clip_id = f"{split}_{index:05d}"
        rng = np.random.default_rng([config.seed, CLIP, number, index])
        waveform, starts = mix_clip([sounds[i] for i in members], config, rng)
        path = folder / "audio" / f"{clip_id}.flac"
        write_audio(path, waveform, config.sample_rate)
        for place_in_clip, (member, start) in enumerate(zip(members, starts, strict=True)):
            row = rows[member]
            event_id = f"{clip_id}_{place_in_clip}"
            class_id = class_ids[row.audioset_label]
            seconds = len(sounds[member]) / config.sample_rate
            start_seconds = start / config.sample_rate
            events.append(Event(event_id, clip_id, class_id, start_seconds, seconds, row.group))
            sources.append(
                Source(event_id, row.package, row.path, row.group, row.sample_rate, row.licence)
            )
        labels = sorted(class_ids[rows[member].audioset_label] for member in members)
        clips.append(Clip(clip_id, str(path), 0.0, config.clip_seconds, " ".join(labels), clip_id))
    write_table(folder / "sources.csv", sources, Source)
    write_table(folder / "events.csv", events, Event)
    write_table(folder / "clips.csv", clips, Clip)
    return {"num_clips": len(clips), "num_events": len(events)}


def choose_events(
    split: str, recordings: list[Recording], classes: list[ClassRow], config: Data
) -> list[Recording]:
    events = []
    for row in classes:
        rng = np.random.default_rng([config.seed, EVENTS, SPLITS.index(split), row.index])
        of_class = [rec for rec in recordings if rec.audioset_label == row.name]
        num_events = getattr(config.events_per_class, split)
        events += choose(of_class, num_events, split != "train", rng)
    return events


def mix_clip(
    sounds: list[np.ndarray], config: Data, rng: np.random.Generator
) -> tuple[np.ndarray, list[int]]:
    """Sounds at random levels and times over the ambience: (samples,) and their first samples."""
    num_samples = round(config.clip_seconds * config.sample_rate)
    gap = round(config.min_gap_seconds * config.sample_rate)
    starts = place([len(sound) for sound in sounds], gap, num_samples, rng)
    waveform = pink_noise(num_samples, draw_level(config.floor_dbfs, rng), rng)
    for sound, start in zip(sounds, starts, strict=True):
        level = draw_level(config.event_dbfs, rng)
        waveform[start : start + len(sound)] += set_level(sound, level)
    return waveform, starts


def write_audio(path: Path, waveform: np.ndarray, rate: int) -> None:
    """16-bit FLAC: lossless, and a third of the size over a low floor."""
    audio.write_audio(path, to_int16(waveform), rate, "FLAC", "PCM_16")
