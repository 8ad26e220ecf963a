"""A part of the packed anchors: cut from the clips, without silent ones, with their embeddings."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from uss.audio import dbfs, from_int16
from uss.data.packed import write_part
from uss.data.waveforms import WaveformSet
from uss.schema import Anchors
from uss.tables import Anchor

if TYPE_CHECKING:
    from uss.models.panns import Cnn14


def pack(
    found: list[tuple[int, Anchor]],
    clips: WaveformSet,
    encoder: "Cnn14 | None",
    config: Anchors,
    path: Path,
) -> dict:
    """Cut, embed and write one part; returns what the record should say of it.

    Args:
        found: (row of the clip, anchor).
        encoder: the query encoder; None: the part has no embeddings.

    Raises:
        ValueError: the clips are shorter than an anchor.
    """
    num_samples = round(config.segment_seconds * clips.sample_rate)
    if clips.num_samples < num_samples:
        raise ValueError("the clips are shorter than an anchor: lower anchors.segment_seconds")
    waveforms = np.empty((len(found), num_samples), np.int16)
    kept: list[Anchor] = []
    for row, anchor in found:
        waveform = clips.read([row])[0, anchor.start_sample : anchor.start_sample + num_samples]
        if dbfs(from_int16(waveform)) >= config.silence_dbfs:
            waveforms[len(kept)] = waveform
            kept.append(anchor)
    packed = waveforms[: len(kept)]
    datasets: dict[str, np.ndarray | list[str]] = {
        "anchor_id": [anchor.anchor_id for anchor in kept],
        "waveform": packed,
        **({} if encoder is None else embedded(packed, encoder, config.batch_size)),
    }
    write_part(path, datasets, sample_rate=clips.sample_rate)
    num_silent = len(found) - len(kept)
    return {"anchors": [list(anchor) for anchor in kept], "num_silent": num_silent}


def embedded(waveforms: np.ndarray, encoder: "Cnn14", batch_size: int) -> dict[str, np.ndarray]:
    """What the query encoder makes of anchors.

    Args:
        waveforms: (anchors, samples) int16 or float32.
        batch_size: anchors a forward pass.

    Returns:
        embedding (anchors, size) and probabilities (anchors, classes), float32.
    """
    import torch

    device = next(encoder.parameters()).device
    embeddings = [np.zeros((0, encoder.fc1.out_features), np.float32)]
    probabilities = [np.zeros((0, encoder.fc_audioset.out_features), np.float32)]
    for start in range(0, len(waveforms), batch_size):
        batch = waveforms[start : start + batch_size]
        signals = torch.from_numpy(from_int16(batch) if batch.dtype == np.int16 else batch)
        with torch.no_grad():
            output = encoder(signals.to(device))
        embeddings.append(output.embedding.cpu().numpy())
        probabilities.append(output.probabilities.cpu().numpy())
    return {
        "embedding": np.concatenate(embeddings),
        "probabilities": np.concatenate(probabilities),
    }
