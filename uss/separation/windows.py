"""Any length in bounded memory: overlapping windows, cross-faded where they meet."""

from collections.abc import Callable, Iterator

import numpy as np

# Of a window: what it hears at each side and does not give, and the length of a cross-fade.
CONTEXT_FRACTION = 1 / 8
FADE_FRACTION = 1 / 8

# (n, channels, window samples) -> (n, outputs, channels, window samples)
Process = Callable[[np.ndarray], np.ndarray]


class Windows:
    """A stream of samples through a function of fixed length.

    A window starts every 5/8 of its length. It gives the samples from its context on; over the
    fade it takes over from the window before, linearly, so that weights add up to one exactly.
    The first window gives its first samples too; the last one ends with the stream, and lies over
    the one before by more. A stream shorter than one window is padded with zeros.

    Args:
        process: what is done with windows.
        num_samples: of a window.
        at_once: how many windows are waited for, to be processed together.
    """

    def __init__(self, process: Process, num_samples: int, at_once: int = 1) -> None:
        self.process = process
        self.num_samples = num_samples
        self.at_once = at_once
        self.context = round(num_samples * CONTEXT_FRACTION)
        self.fade = round(num_samples * FADE_FRACTION)
        self.hop = num_samples - 2 * self.context - self.fade
        self.starts: list[int] = []  # of the windows so far, those in process too
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
        while len(starts := self._ready()[: self.at_once]) == self.at_once:
            yield from self._through(starts)
            # The last window of the stream may start anywhere from here on.
            self._buffer = self._buffer[:, starts[-1] - self._first :]
            self._first = starts[-1]

    def finish(self) -> Iterator[np.ndarray]:
        """The rest of the stream."""
        if self._end() > self._given:
            last = max(0, self._end() - self.num_samples)
            *pieces, rest = self._through([*self._ready(), last], has_last=True)
            yield from pieces
            yield rest[:, :, : self._end() - self._given]
            self._given = self._end()

    def _end(self) -> int:
        """Of the stream so far."""
        return 0 if self._buffer is None else self._first + self._buffer.shape[1]

    def _ready(self) -> list[int]:
        """Starts of the windows that are whole, without the one that may end the stream: that is
        `finish`'s."""
        start = self.starts[-1] + self.hop if self.starts else 0
        return list(range(start, self._end() - self.num_samples, self.hop))

    def _through(self, starts: list[int], has_last: bool = False) -> Iterator[np.ndarray]:
        windows = np.stack([self._window(start) for start in starts])
        self.starts += starts
        for number, output in enumerate(self.process(windows)):
            yield self._joined(starts[number], output, has_last and number == len(starts) - 1)

    def _window(self, start: int) -> np.ndarray:
        assert self._buffer is not None  # nobody asks before the first block
        offset = start - self._first
        window = self._buffer[:, offset : offset + self.num_samples]
        return np.pad(window, ((0, 0), (0, self.num_samples - window.shape[1])))

    def _joined(self, start: int, output: np.ndarray, last: bool) -> np.ndarray:
        """What a window gives, after the fade from the one before."""
        output = output[:, :, self._given - start :]
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
