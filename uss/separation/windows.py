"""Any length in bounded memory: overlapping windows, cross-faded where they meet."""

from collections.abc import Callable, Iterator

import numpy as np

# Of a window: what it hears at each side and does not give, and the length of a cross-fade.
CONTEXT_FRACTION = 1 / 8
FADE_FRACTION = 1 / 8

# (channels, window samples) -> (outputs, channels, window samples)
Process = Callable[[np.ndarray], np.ndarray]


class Windows:
    """A stream of samples through a function of fixed length.

    A window starts every 5/8 of its length. It gives the samples from its context on; over the
    fade it takes over from the window before, linearly, so that weights add up to one exactly.
    The first window gives its first samples too; the last one ends with the stream, and lies over
    the one before by more. A stream shorter than one window is padded with zeros.

    Args:
        process: what is done with a window.
        num_samples: of a window.
    """

    def __init__(self, process: Process, num_samples: int) -> None:
        self.process = process
        self.num_samples = num_samples
        self.context = round(num_samples * CONTEXT_FRACTION)
        self.fade = round(num_samples * FADE_FRACTION)
        self.hop = num_samples - 2 * self.context - self.fade
        self.starts: list[int] = []  # of the windows so far
        self._buffer: np.ndarray | None = None  # of the stream, from _first on
        self._first = 0
        self._given = 0  # samples that have left
        self._tail: np.ndarray | None = None  # what the last window has for the next fade

    def push(self, block: np.ndarray) -> Iterator[np.ndarray]:
        """(channels, any number of samples) -> blocks (outputs, channels, samples) in order."""
        if self._buffer is None:
            self._buffer = block
        else:
            self._buffer = np.concatenate([self._buffer, block], axis=1)
        while True:
            start = self._next_start()
            # One sample more than the window: the window that ends the stream is `finish`'s.
            if self._first + self._buffer.shape[1] <= start + self.num_samples:
                return
            yield self._window(start, last=False)
            # The last window of the stream may start anywhere from here on.
            self._buffer = self._buffer[:, start - self._first :]
            self._first = start

    def finish(self) -> Iterator[np.ndarray]:
        """The rest of the stream."""
        if self._buffer is None:
            return
        end = self._first + self._buffer.shape[1]
        if end > self._given:
            yield self._window(max(0, end - self.num_samples), last=True)[:, :, : end - self._given]
            self._given = end

    def _next_start(self) -> int:
        return self.starts[-1] + self.hop if self.starts else 0

    def _window(self, start: int, last: bool) -> np.ndarray:
        assert self._buffer is not None  # nobody asks before the first block
        offset = start - self._first
        window = self._buffer[:, offset : offset + self.num_samples]
        missing = self.num_samples - window.shape[1]
        self.starts.append(start)
        output = self.process(np.pad(window, ((0, 0), (0, missing))))[:, :, self._given - start :]
        if self._tail is not None:
            ramp = (np.arange(self.fade, dtype=output.dtype) + 0.5) / self.fade
            # In this form equal samples stay what they are, to the last bit.
            faded = self._tail + (output[:, :, : self.fade] - self._tail) * ramp
            output = np.concatenate([faded, output[:, :, self.fade :]], axis=2)
        if not last:
            length = start + self.num_samples - self.context - self.fade - self._given
            self._tail = output[:, :, length : length + self.fade]
            output = output[:, :, :length]
            self._given += length
        return output
