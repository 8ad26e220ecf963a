"""The anchors of packed clips: from true times, by the sound event detector, or by loudness."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from tqdm import tqdm

from uss.audio import from_int16
from uss.data.anchor_loudness import find_loudest
from uss.data.waveforms import WaveformSet
from uss.schema import Anchors
from uss.tables import Anchor, Event

if TYPE_CHECKING:
    from uss.models.panns import Cnn14DecisionLevelMax


class LabelledClips(NamedTuple):
    """The packed clips of a split, and what the tables say of them.

    seconds_of: clip_id -> the clip's own duration; what stage 1 padded it with is silence.
    """

    clips: WaveformSet
    class_ids: list[str]
    group_of: dict[tuple[str, str], str]
    seconds_of: dict[str, float]

    def seconds(self, rows: np.ndarray | range) -> np.ndarray:
        return np.array([self.seconds_of[self.clips.names[row]] for row in rows])

    def num_heard(self, rows: np.ndarray | range) -> np.ndarray:
        """(len(rows),) samples of each clip before its padding."""
        own = np.round(self.seconds(rows) * self.clips.sample_rate).astype(int)
        return np.minimum(own, self.clips.num_samples)

    def anchor(self, row: int, label: int, start: int, score: float) -> tuple[int, Anchor]:
        clip_id, class_id = self.clips.names[row], self.class_ids[label]
        group = self.group_of[clip_id, class_id]
        return row, Anchor(f"{clip_id}:{label:03d}", clip_id, class_id, start, score, group)


def true_anchors(
    rows: range, labelled: LabelledClips, events: list[Event], config: Anchors
) -> list[tuple[int, Anchor]]:
    """(row of the clip, anchor) around the centre of each event of the clips; the anchor lies in
    what is heard of a clip, and starts with it where that is shorter. None of what stage 1 cut off.
    """
    clips = labelled.clips
    num_samples = round(config.segment_seconds * clips.sample_rate)
    row_of = {clips.names[row]: row for row in rows}
    num_heard_of = dict(zip(rows, labelled.num_heard(rows).tolist(), strict=True))
    result = []
    for event in events:
        if event.clip_id in row_of:
            row = row_of[event.clip_id]
            if round(event.start_seconds * clips.sample_rate) >= num_heard_of[row]:
                continue
            centre = event.start_seconds + event.duration_seconds / 2
            start = round(centre * clips.sample_rate) - num_samples // 2
            start = max(min(start, num_heard_of[row] - num_samples), 0)
            anchor = Anchor(event.event_id, event.clip_id, event.class_id, start, 1.0, event.group)
            result.append((row, anchor))
    return result


def detected_anchors(
    rows: range, labelled: LabelledClips, detector: "Cnn14DecisionLevelMax", config: Anchors
) -> list[tuple[int, Anchor]]:
    """(row of the clip, anchor) where the detector finds each label of the clips."""
    import torch

    from uss.data.anchor_search import find_anchors

    clips = labelled.clips
    device = next(detector.parameters()).device
    frame_samples = detector.frame_samples
    last_start = clips.num_samples - round(config.segment_seconds * clips.sample_rate)
    segment_frames = round(config.segment_seconds * clips.sample_rate / frame_samples)
    result = []
    for batch, waveforms in _batches(rows, clips, config.batch_size):
        with torch.no_grad():
            framewise = detector(torch.from_numpy(from_int16(waveforms)).to(device)).framewise
        number, label = np.nonzero(clips.target[batch.start : batch.stop])
        if len(number) == 0:
            continue
        seconds = labelled.seconds(batch)[number]
        is_padded = seconds < clips.num_samples / clips.sample_rate
        own_frames = np.ceil(seconds * clips.sample_rate / frame_samples).astype(int)
        num_heard = torch.from_numpy(np.where(is_padded, own_frames, framewise.shape[1]))
        starts, scores = find_anchors(
            framewise[number, :, label], segment_frames, frame_samples, num_heard
        )
        for n, c, first, score in zip(number, label, starts.tolist(), scores.tolist(), strict=True):
            start = min(first, last_start)  # where a segment is no even number of frames
            result.append(labelled.anchor(batch[n], int(c), start, round(score, 6)))
    return result


def loudest_anchors(
    rows: range, labelled: LabelledClips, config: Anchors
) -> list[tuple[int, Anchor]]:
    """(row of the clip, anchor) for each label of the clips: the loudest stretch, the same for all
    labels of a clip; the score is its level in dBFS."""
    clips = labelled.clips
    num_samples = round(config.segment_seconds * clips.sample_rate)
    result = []
    for batch, waveforms in _batches(rows, clips, config.batch_size):
        starts, levels = find_loudest(waveforms, num_samples, labelled.num_heard(batch))
        for n, c in zip(*np.nonzero(clips.target[batch.start : batch.stop]), strict=True):
            score = round(float(levels[n]), 2)
            result.append(labelled.anchor(batch[n], c, int(starts[n]), score))
    return result


def _batches(rows: range, clips: WaveformSet, size: int) -> Iterator[tuple[range, np.ndarray]]:
    """The rows of each batch, and its waveforms (clips, samples) int16."""
    for start in tqdm(range(rows.start, rows.stop, size), disable=None, leave=False):
        batch = range(start, min(start + size, rows.stop))
        yield batch, clips.read(batch)
