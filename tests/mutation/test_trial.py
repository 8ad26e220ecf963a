"""The judge of the campaign: every verdict comes from what deserves it."""

import os
import signal
import sys
import time

import pytest

from tests.mutation import trial
from tests.mutation.trial import Trial, attempt


def refuse():
    from uss.command import run

    def main(argv):
        raise ValueError("a sentence")

    run(main)


def fail():
    from uss.command import run

    run(lambda argv: [][0])


def several_lines():
    print("2026-01-01 00:00:00 ERROR batch: a sentence\nand another")
    sys.exit(1)


def write_much():
    with open("much", "wb") as file:
        file.truncate(10)
    raise MemoryError


def silent():
    sys.exit(1)


@pytest.mark.parametrize(
    ("command", "check", "word"),
    [
        (lambda: None, lambda said: None, "ok"),
        (lambda: sys.exit(0), lambda said: "half of it is missing", "nonsense"),
        (lambda: None, lambda said: 1 / 0, "nonsense"),
        (refuse, lambda said: None, "refused"),
        (silent, lambda said: None, "nonsense"),
        (several_lines, lambda said: None, "nonsense"),
        (fail, lambda said: None, "traceback"),
        (lambda: [][0], lambda said: None, "traceback"),
        (write_much, lambda said: None, "memory"),
        (lambda: bytearray(3 * 2**30), lambda said: None, "memory"),
        (lambda: os.kill(os.getpid(), signal.SIGTRAP), lambda said: None, "crash"),
        (lambda: os._exit(7), lambda said: None, "crash"),
    ],
)
def test_each_verdict(tmp_path, command, check, word):
    assert attempt(Trial("trial", command, check), tmp_path).word == word


def test_what_computes_or_waits_too_long_hangs(tmp_path, monkeypatch):
    def compute():
        while True:
            pass

    monkeypatch.setattr(trial, "SECONDS", 0.3)
    assert attempt(Trial("computes", compute), tmp_path).word == "hang"
    monkeypatch.setattr(trial, "WALL_SECONDS", 1.0)
    assert attempt(Trial("waits", lambda: time.sleep(100)), tmp_path).word == "hang"


def test_the_wrong_one_of_the_good_verdicts(tmp_path):
    assert attempt(Trial("trial", refuse, expected="ok"), tmp_path).word == "nonsense"
    assert attempt(Trial("trial", lambda: None, expected="refused"), tmp_path).word == "nonsense"
    assert attempt(Trial("trial", refuse, expected="refused"), tmp_path).word == "refused"
