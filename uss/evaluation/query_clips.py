"""Average embeddings of labelled clips of any length, by the PANNs of a model.

For recipes that measure and do not train: they have no anchors, and what is given of a class is
recordings of it.
"""

import logging

import numpy as np

from uss.audio import BadAudio, dbfs, decode
from uss.data.averages import AverageEmbeddings
from uss.labels import Classes
from uss.model_store.own_panns import OwnEncoder, resampled
from uss.tables import Clip

SILENCE_DBFS = -60.0  # RMS of a segment that tells nothing

logger = logging.getLogger(__name__)


def averages_of_clips(
    clips: list[Clip], classes: Classes, encoder: OwnEncoder, num_samples: int
) -> AverageEmbeddings:
    """A clip's embedding is the mean over its segments that are not silent, a class's the mean over
    its clips. Clips that are silent or cannot be read are named and left out.

    Args:
        num_samples: of a segment, at the encoder's rate.
    """
    found: list[list[tuple[np.ndarray, np.ndarray]]] = [[] for _ in classes.ids]
    for clip in clips:
        try:
            segments = sounding_segments(clip, encoder.sample_rate, num_samples)
        except BadAudio as error:
            logger.warning("clip %s is left out: %s: %s", clip.clip_id, clip.path, error)
            continue
        outputs = encoder(segments, encoder.sample_rate)
        means = tuple(output.mean(axis=0, dtype=np.float64) for output in outputs)
        for class_id in clip.labels.split():
            found[classes.index(class_id)].append(means)
    nothing = encoder(np.zeros((0, num_samples), np.float32), encoder.sample_rate)
    empty = tuple(np.zeros(output.shape[1]) for output in nothing)
    means_of = [
        [np.mean(outputs, axis=0) for outputs in zip(*of_class, strict=True)] if of_class else empty
        for of_class in found
    ]
    embedding, probabilities = (np.stack(x).astype(np.float32) for x in zip(*means_of, strict=True))
    num_targets = np.array([len(of_class) for of_class in found])
    return AverageEmbeddings(classes.ids, embedding, probabilities, num_targets)


def sounding_segments(clip: Clip, rate: int, num_samples: int) -> np.ndarray:
    """(n, num_samples) at `rate`, mixed down, the last one padded with zeros."""
    waveform, own_rate = decode(clip.path, clip.start_seconds, clip.duration_seconds)
    mono = resampled(waveform.mean(axis=0)[None], own_rate, rate)[0]
    padded = np.pad(mono, (0, -len(mono) % num_samples)).reshape(-1, num_samples)
    kept = [segment for segment in padded if dbfs(segment) >= SILENCE_DBFS]
    if not kept:
        raise BadAudio("it is silent")
    return np.stack(kept)
