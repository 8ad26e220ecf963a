"""Signals as from a terminal, whatever this process was started with."""

import signal

import pytest


@pytest.fixture(autouse=True)
def default_signals():
    """A background job is started with SIGINT ignored, `nohup` ignores SIGHUP, and bash cannot trap
    a signal that was ignored when it started. Handlers are not inherited: they become the default.
    """
    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
