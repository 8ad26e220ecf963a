"""Embeddings by the PANNs of an adopted model, of waveforms at this recipe's rate."""

from pathlib import Path

import numpy as np
import torch

from uss.audio import resample
from uss.distributed import device
from uss.layout import PANNS
from uss.model_store.adoption import read_adoption, sample_rate_of
from uss.model_store.panns_file import build, read_panns
from uss.models.panns import Cnn14

BATCH_SIZE = 16  # decides memory, and nothing else


class OwnEncoder:
    """The query encoder of a model directory.

    Attributes:
        sample_rate: of the model, in Hz.
        num_samples: of the segments that it was trained on; what is shorter is padded with zeros.

    Raises:
        ValueError: the directory's panns.pt holds no such network.
    """

    def __init__(self, directory: Path) -> None:
        adoption = read_adoption(directory)
        assert adoption is not None
        self.sample_rate, self.num_samples = sample_rate_of(directory), adoption.segment_samples
        path, size = directory / PANNS, (self.sample_rate, self.num_samples)
        network = build(read_panns(path), "query_encoder", Cnn14, path, *size)
        self.network = network.to(device())

    @torch.inference_mode()
    def __call__(self, waveforms: np.ndarray, rate: int) -> tuple[np.ndarray, np.ndarray]:
        """(n, samples) at `rate` -> embeddings (n, size), probabilities (n, num_classes)."""
        embeddings = [np.zeros((0, self.network.fc1.out_features), np.float32)]
        probabilities = [np.zeros((0, self.network.fc_audioset.out_features), np.float32)]
        for start in range(0, len(waveforms), BATCH_SIZE):
            batch = self.heard(waveforms[start : start + BATCH_SIZE], rate)
            output = self.network(torch.from_numpy(batch).to(device()))
            embeddings.append(output.embedding.cpu().numpy())
            probabilities.append(output.probabilities.cpu().numpy())
        return np.concatenate(embeddings), np.concatenate(probabilities)

    def heard(self, waveforms: np.ndarray, rate: int) -> np.ndarray:
        """(n, samples) at the model's rate, a segment at least."""
        found = resampled(waveforms, rate, self.sample_rate)
        return np.pad(found, ((0, 0), (0, max(0, self.num_samples - found.shape[1]))))


def resampled(waveforms: np.ndarray, rate: int, new_rate: int) -> np.ndarray:
    """(n, samples) float32 at another rate, each alone."""
    if rate == new_rate:
        return waveforms
    return np.stack([resample(waveform, rate, new_rate) for waveform in waveforms])
