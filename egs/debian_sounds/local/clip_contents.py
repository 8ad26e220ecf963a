"""Which recordings sound how often, and which of these events share a clip."""

from collections import Counter, defaultdict
from collections.abc import Callable

import numpy as np

from .recordings import Recording


def choose(
    recordings: list[Recording], num_events: int, every_recording: bool, rng: np.random.Generator
) -> list[Recording]:
    """The events of one class: groups evenly, and the recordings of a group evenly.

    Args:
        every_recording: each sounds at least once, even if that makes more than `num_events` or
            favours groups with many recordings.
    """
    shuffled = [recordings[i] for i in rng.permutation(len(recordings))]
    of_group = defaultdict(list)
    for row in shuffled:
        of_group[row.group].append(row)
    events = list(shuffled) if every_recording else []
    num_of_group = Counter(row.group for row in events)
    num_of_recording = Counter(row.recording_id for row in events)
    while len(events) < num_events:
        group = min(of_group, key=num_of_group.__getitem__)
        row = min(of_group[group], key=lambda row: num_of_recording[row.recording_id])
        events.append(row)
        num_of_group[group] += 1
        num_of_recording[row.recording_id] += 1
    return events


def share_out(
    events: list[tuple[str, int]],
    may_meet: Callable[[str, str], bool],
    clip_samples: int,
    gap_samples: int,
    max_events: int,
    rng: np.random.Generator,
) -> list[list[int]]:
    """Put events into clips.

    Each clip wants a random number of events, at most `max_events`; it takes the next events whose
    classes may meet those it has and that fit, with gaps around.

    Args:
        events: (class_id, number of samples) of each.

    Returns:
        the indices of the events of each clip, in their order of time.
    """
    waiting = rng.permutation(len(events)).tolist()
    clips = []
    while waiting:
        num_wanted = rng.integers(1, max_events + 1)
        chosen: list[int] = []
        left: list[int] = []
        free = clip_samples - gap_samples
        for position, index in enumerate(waiting):
            if len(chosen) == num_wanted:
                left += waiting[position:]
                break
            class_id, length = events[index]
            fits = length + gap_samples <= free
            if fits and all(may_meet(class_id, events[other][0]) for other in chosen):
                chosen.append(index)
                free -= length + gap_samples
            else:
                left.append(index)
        assert chosen, "an event does not fit into an empty clip"
        clips.append([chosen[i] for i in rng.permutation(len(chosen))])
        waiting = left
    return clips


def place(lengths: list[int], gap: int, total: int, rng: np.random.Generator) -> list[int]:
    """First sample of each event: the samples left beside events and gaps, divided at random."""
    free = total - sum(lengths) - gap * (len(lengths) + 1)
    assert free >= 0
    cuts = np.sort(rng.integers(0, free + 1, len(lengths)))
    before = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    return [int(start) for start in cuts + before + gap * np.arange(1, len(lengths) + 1)]
