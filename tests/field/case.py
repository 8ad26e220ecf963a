"""A case: an input of a kind that people report, the real command, what is right, what comes."""

import re
from collections.abc import Callable
from typing import NamedTuple

GROUPS: dict[str, list["Case"]] = {}


class Skip(Exception):
    """The case cannot be tried on this machine; the message says why."""


class Wrong(AssertionError):
    """What came is not what is right; the message is what came."""


class Case(NamedTuple):
    """source: a public bug report, or `own`; given: input and command; right: what should come.

    try_it: does it in a Place. Returns what came, in a few words, where that is right; raises
    Wrong where it is not.
    """

    name: str
    group: str
    source: str
    given: str
    right: str
    try_it: Callable


def case(group: str, source: str, given: str, right: str) -> Callable:
    """Registers a function as a case; its name, with hyphens, is the case's name."""

    def register(function: Callable) -> Callable:
        name = function.__name__.replace("_", "-")
        GROUPS.setdefault(group, []).append(Case(name, group, source, given, right, function))
        return function

    return register


class Done(NamedTuple):
    """A command that has ended. status: None where it was ended after the time limit."""

    status: int | None
    said: str

    @property
    def line(self) -> str:
        """The decisive line: the last error, else the last line."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip()]
        if "Traceback" in self.said:
            errors = [line for line in lines if re.match(r"^[A-Za-z_.]*(Error|Exception)\b", line)]
            return errors[-1] if errors else lines[-1]
        errors = [line for line in lines if re.search(r" ERROR | rror:|ERROR:|run\.sh: ", line)]
        line = (errors or lines or ["nothing is said"])[-1]
        return re.sub(r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d ", "", line)

    @property
    def short(self) -> str:
        status = "no end within the limit" if self.status is None else f"status {self.status}"
        trace = ", traceback" if self.traceback else ""
        return f"{status}{trace}: {self.line}"

    @property
    def traceback(self) -> bool:
        return "Traceback (most recent call last)" in self.said

    @property
    def sentence(self) -> bool:
        """Failed, and said why without a traceback."""
        return self.status in (1, 2) and not self.traceback and bool(self.said.strip())

    def require_ok(self) -> "Done":
        if self.status != 0 or self.traceback:
            raise Wrong(self.short)
        return self

    def require_sentence(self, pattern: str = "") -> "Done":
        """pattern: what the words must hold, in any case."""
        if not self.sentence or not re.search(pattern, self.said, re.IGNORECASE):
            raise Wrong(self.short)
        return self

    def require_no_traceback(self) -> "Done":
        if self.status is None or self.status < 0 or self.traceback:
            raise Wrong(self.short)
        return self


def require(condition: object, came: str) -> None:
    if not condition:
        raise Wrong(came)
