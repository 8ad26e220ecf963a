"""A request to stop, which a training sees between two steps."""

import signal


class StopSignal:
    """Turns SIGTERM and SIGUSR2 into a flag while the block runs."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> "StopSignal":
        signals = (signal.SIGTERM, signal.SIGUSR2)
        self._before = {number: signal.signal(number, self._request) for number in signals}
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _request(self, *_: object) -> None:
        self.requested = True
