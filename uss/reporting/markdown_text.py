"""Text as it is in Markdown: names that others chose are neither markup nor HTML."""

import re

# An underscore within a word is one already.
SPECIAL = re.compile(r"[\\`*\[\]<>&|~$#!]|(?<![^\W_])_|_(?![^\W_])")
ENTITIES = {"<": "&lt;", ">": "&gt;", "&": "&amp;", "$": "&#36;"}  # of no meaning to any renderer


def escaped(text: str) -> str:
    """A line of text; "<b>" shows as it is, and no formula begins at "$"."""
    line = re.sub(r"[\r\n\v\f\x85\u2028\u2029]+", " ", text)
    return SPECIAL.sub(lambda found: ENTITIES.get(found[0], "\\" + found[0]), line)


def in_code(text: str) -> str:
    """A span of code, with more backticks around it than it holds."""
    fence = "`" * (_longest_run(text) + 1)
    space = " " if "`" in text else ""
    return f"{fence}{space}{text}{space}{fence}"


def code_block(text: str) -> str:
    fence = "`" * max(3, _longest_run(text) + 1)
    return f"{fence}\n{text}\n{fence}"


def _longest_run(text: str) -> int:
    return max((len(run) for run in re.findall("`+", text)), default=0)
