"""Windows through a trained separator: one STFT and one set of A-MAE features for all queries."""

from contextlib import nullcontext
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from uss.models.mae_resunet import Separator
from uss.separation.folding import fold
from uss.separation.side_by_side import side_by_side

# One step of 16 bits, and a little: what is no louder is silence, and is not separated.
SILENCE_PEAK = 1.1 / 32768
# Windows times channels that go through the network at once. Several are no faster on a CPU, whose
# caches they leave: there each core has one of its own. A GPU would wait for its next kernel.
ROWS_ON_CPU, ROWS_ON_GPU = 1, 16


class Rows(NamedTuple):
    """What the network hears at once, before it is asked for anything."""

    window: np.ndarray
    channel: np.ndarray
    num_samples: int
    scale: Tensor  # (rows, 1)
    spectrum: Tensor
    features: Tensor | None


class WindowSeparator:
    """A separator that is used and not trained any more: its BatchNorms are folded; on a GPU that
    can, the network computes in bfloat16, as in training, and the STFT in float32.

    Attributes:
        rows: windows times channels that go through the network at once.
    """

    def __init__(self, separator: Separator, device: torch.device) -> None:
        fold(separator.network.unet)
        self.separator = separator.to(device)
        self.device = device
        self.on_gpu = device.type == "cuda"
        self.rows = ROWS_ON_GPU if self.on_gpu else ROWS_ON_CPU
        self.in_bfloat16 = self.on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)

    def __call__(self, windows: np.ndarray, queries: np.ndarray) -> np.ndarray:
        """(n, channels, samples), (n, queries, query_size) -> (n, queries, channels, samples).

        Every channel goes through the network by itself: a mask of all would smear a sound that
        sits at one side over both. The scale of Eq. 2 is one for all channels of a window, so that
        their levels keep their ratio. As in stage 7, the level is restored. A silent window gives
        silence, and so does a query of zeros, which asks for nothing.
        """
        num_windows, num_channels, num_samples = windows.shape
        result = np.zeros((num_windows, queries.shape[1], num_channels, num_samples), np.float32)
        peaks = np.abs(windows).max(axis=(1, 2), initial=0.0)
        scales = np.ones_like(peaks) if self.separator.system.normalization == "none" else peaks
        audible = np.flatnonzero(peaks > SILENCE_PEAK)
        all_rows = [(window, channel) for window in audible for channel in range(num_channels)]
        groups = [
            np.array(all_rows[start : start + self.rows]).T
            for start in range(0, len(all_rows), self.rows)
        ]
        num_queries = queries.shape[1]
        work = nullcontext(map) if self.on_gpu else side_by_side(len(groups) * num_queries)
        with work as each:
            heard = list(each(lambda group: self._heard(windows, scales, *group), groups))
            asked = [
                (rows, number, queries[rows.window, number])
                for rows in heard
                for number in range(num_queries)
                if queries[rows.window, number].any()
            ]
            outputs = each(lambda one: self._separated(one[0], one[2]), asked)
            for (rows, number, query), separated in zip(asked, outputs, strict=True):
                wanted = query.any(axis=1)
                result[rows.window[wanted], number, rows.channel[wanted]] = separated[wanted]
        return result

    def at_once(self, num_outputs: int) -> int:
        """Windows to give at once, for a recording with so many channels times queries."""
        return self.rows if self.on_gpu else -(-torch.get_num_threads() // num_outputs)

    @torch.inference_mode()
    def _heard(
        self, windows: np.ndarray, scales: np.ndarray, window: np.ndarray, channel: np.ndarray
    ) -> Rows:
        scale = self._tensor(scales[window])[:, None]
        mixture = self._tensor(windows[window, channel]) / scale
        features = None if self.separator.amae is None else self.separator.amae(mixture)
        spectrum = self.separator.stft(mixture)
        return Rows(window, channel, windows.shape[2], scale, spectrum, features)

    @torch.inference_mode()
    def _separated(self, rows: Rows, query: np.ndarray) -> np.ndarray:
        """query (rows, query_size) -> (rows, num_samples)."""
        with self._precision():
            masked = self.separator.masked(rows.spectrum, self._tensor(query), rows.features)
        separated = self.separator.stft.inverse(masked, rows.num_samples) * rows.scale
        return separated.cpu().numpy()

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(self.device)
