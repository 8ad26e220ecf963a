"""What is to be heard in a recording: the sound event detector's classes, at a level of the
AudioSet hierarchy, with a time line."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from uss.labels import audioset_names, audioset_parents
from uss.separation.model import Model, Query
from uss.separation.queries import segments

DETECT_SECONDS = 10  # heard at once, as AudioSet's clips are


class Heard(NamedTuple):
    """A stretch in which a class sounds, in whole seconds."""

    class_id: str
    name: str
    start_seconds: int
    end_seconds: int
    probability: float  # the largest


@torch.inference_mode()
def detect(model: Model, path: Path, threshold: float) -> list[Heard]:
    """The time line of a file, mixed down, sorted by time."""
    rate = model.sample_rate
    frames_per_second = rate / model.detector.frame_samples
    open_stretches: dict[int, Heard] = {}
    done = []
    second = 0
    for segment, length in segments(path, rate, DETECT_SECONDS * rate):
        waveform = torch.from_numpy(segment[None]).to(model.device)
        framewise = model.detector(waveform).framewise[0].cpu().numpy()
        if not np.isfinite(framewise).all():
            raise ValueError(f"{model.directory}: its detector gives what is not finite (NaN)")
        for offset in range(-(-length // rate)):
            first, last = (round((offset + i) * frames_per_second) for i in (0, 1))
            probability = framewise[first : max(last, first + 1)].max(axis=0)
            for index in range(len(model.classes)):
                if probability[index] < threshold:
                    continue
                value = round(float(probability[index]), 4)
                before = open_stretches.get(index)
                if before is not None and before.end_seconds == second:
                    value, start = max(value, before.probability), before.start_seconds
                else:
                    start = second
                    done += [before] if before else []
                open_stretches[index] = Heard(
                    model.classes.ids[index], model.classes.names[index], start, second + 1, value
                )
            second += 1
    return sorted([*done, *open_stretches.values()], key=lambda h: (h.start_seconds, h.name))


def ancestors(class_id: str, level: int, parents: dict[str, list[str]]) -> list[str]:
    """The nodes of `level` (1: the roots) on the class's ways to the roots; the class itself
    where it lies above that level or is not of AudioSet's."""
    found = set()

    def climb(way: list[str]) -> None:
        above = parents.get(way[-1], [])
        if not above:
            found.add(way[-level] if len(way) >= level else class_id)
        for parent in above:
            if parent not in way:
                climb([*way, parent])

    climb([class_id])
    return sorted(found)


def without_query(model: Model, heard: list[Heard]) -> list[str]:
    """The names of classes that are heard and cannot be asked for, having no average embedding."""
    if model.masks_probabilities:
        return []
    num_targets = dict(zip(model.classes.ids, model.averages.num_targets, strict=True))
    names = [stretch.name for stretch in heard if num_targets[stretch.class_id] == 0]
    return list(dict.fromkeys(names))


def auto_queries(model: Model, heard: list[Heard], level: int) -> list[Query]:
    """A query for each node of the level that something heard lies below: the mean of the average
    embeddings of the classes heard there (none for those `without_query`), or all in one mask."""
    parents, names = audioset_parents(), audioset_names()
    names = {**names, **dict(zip(model.classes.ids, model.classes.names, strict=True))}
    members: dict[str, list[Query]] = {}
    for class_id in dict.fromkeys(stretch.class_id for stretch in heard):
        num_targets = model.averages.num_targets[model.classes.index(class_id)]
        if num_targets > 0 or model.masks_probabilities:
            for node in ancestors(class_id, level, parents):
                members.setdefault(node, []).append(model.class_query(class_id))
    queries = []
    for node, below in members.items():
        values = np.array([query.values for query in below])
        is_mask = below[0].is_mask
        joined = values.max(axis=0) if is_mask else values.mean(axis=0, dtype=np.float64)
        origin = {"kind": "auto", "class_id": node, "heard": [query.name for query in below]}
        queries.append(Query(names[node], np.asarray(joined, np.float32), origin, is_mask))
    return queries
