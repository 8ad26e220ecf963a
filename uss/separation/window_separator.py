"""Windows through a trained separator: one STFT and one set of A-MAE features for all queries."""

import numpy as np
import torch
from torch import Tensor

from uss.models.mae_resunet import Separator
from uss.separation.folding import fold

# One step of 16 bits, and a little: what is no louder is silence, and is not separated.
SILENCE_PEAK = 1.1 / 32768
# Windows times channels that go through the network at once. Several are no faster on a CPU, whose
# caches they leave; a GPU would wait for its next kernel.
ROWS_ON_CPU, ROWS_ON_GPU = 1, 16


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
        on_gpu = device.type == "cuda"
        self.rows = ROWS_ON_GPU if on_gpu else ROWS_ON_CPU
        self.in_bfloat16 = on_gpu and torch.cuda.is_bf16_supported(including_emulation=False)

    @torch.inference_mode()
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
        heard = np.flatnonzero(peaks > SILENCE_PEAK)
        all_rows = [(window, channel) for window in heard for channel in range(num_channels)]
        for start in range(0, len(all_rows), self.rows):
            window, channel = np.array(all_rows[start : start + self.rows]).T
            scale = self._tensor(scales[window])[:, None]
            mixture = self._tensor(windows[window, channel]) / scale
            features = None if self.separator.amae is None else self.separator.amae(mixture)
            spectrum = self.separator.stft(mixture)
            for number in range(queries.shape[1]):
                query = queries[window, number]
                asked = query.any(axis=1)
                if asked.any():
                    with self._precision():
                        masked = self.separator.masked(spectrum, self._tensor(query), features)
                    separated = self.separator.stft.inverse(masked, num_samples) * scale
                    rows = window[asked], number, channel[asked]
                    result[rows] = separated.cpu().numpy()[asked]
        return result

    def _precision(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.in_bfloat16)

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(np.asarray(values, np.float32)).to(self.device)
