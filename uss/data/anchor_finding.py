"""The anchors of packed clips: from true times, or by the sound event detector."""

import numpy as np
import torch
from tqdm import tqdm

from uss.audio import from_int16
from uss.data.anchor_search import find_anchors
from uss.data.waveforms import WaveformSet
from uss.models.panns import Cnn14DecisionLevelMax
from uss.schema import Anchors
from uss.tables import Anchor, Event


def true_anchors(
    rows: range, clips: WaveformSet, events: list[Event], num_samples: int
) -> list[tuple[int, Anchor]]:
    """(row of the clip, anchor) around the centre of each event of the clips."""
    row_of = {clips.names[row]: row for row in rows}
    result = []
    for event in events:
        if event.clip_id in row_of:
            centre = event.start_seconds + event.duration_seconds / 2
            start = round(centre * clips.sample_rate) - num_samples // 2
            start = min(max(start, 0), clips.num_samples - num_samples)
            anchor = Anchor(event.event_id, event.clip_id, event.class_id, start, 1.0, event.group)
            result.append((row_of[event.clip_id], anchor))
    return result


def detected_anchors(
    rows: range,
    clips: WaveformSet,
    class_ids: list[str],
    group_of: dict[tuple[str, str], str],
    seconds_of: dict[str, float],
    detector: Cnn14DecisionLevelMax,
    config: Anchors,
) -> list[tuple[int, Anchor]]:
    """(row of the clip, anchor) where the detector finds each label of the clips.

    seconds_of: clip_id -> the clip's own duration; what stage 1 padded it with is silence.
    """
    device = next(detector.parameters()).device
    hop_size = detector.log_mel.stft.hop_size
    last_start = clips.num_samples - round(config.segment_seconds * clips.sample_rate)
    segment_frames = round(config.segment_seconds * clips.sample_rate / hop_size)
    result = []
    for start in tqdm(range(rows.start, rows.stop, config.batch_size), disable=None, leave=False):
        batch = range(start, min(start + config.batch_size, rows.stop))
        waveform = torch.from_numpy(from_int16(clips.read(batch))).to(device)
        with torch.no_grad():
            framewise = detector(waveform).framewise
        number, label = np.nonzero(clips.target[batch.start : batch.stop])
        if len(number) == 0:
            continue
        seconds = np.array([seconds_of[clips.names[row]] for row in batch])[number]
        is_padded = seconds < clips.num_samples / clips.sample_rate
        own_frames = np.ceil(seconds * clips.sample_rate / hop_size).astype(int)
        num_heard = torch.from_numpy(np.where(is_padded, own_frames, framewise.shape[1]))
        starts, scores = find_anchors(
            framewise[number, :, label], segment_frames, hop_size, num_heard
        )
        for n, c, first, score in zip(number, label, starts.tolist(), scores.tolist(), strict=True):
            clip_id, class_id = clips.names[batch[n]], class_ids[c]
            anchor = Anchor(
                f"{clip_id}:{c:03d}",
                clip_id,
                class_id,
                min(first, last_start),  # where a segment is no even number of frames
                round(score, 6),
                group_of[clip_id, class_id],
            )
            result.append((batch[n], anchor))
    return result
