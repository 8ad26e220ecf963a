"""train.jsonl of a model directory, as uss.training.train_log writes it."""

import json
from pathlib import Path


def read_log(path: Path) -> list[dict]:
    """The lines of a train.jsonl; a last one that a kill cut short is left out."""
    if not path.exists():
        return []
    lines = []
    for number, text in enumerate(path.read_bytes().split(b"\n")[:-1], 1):
        try:
            line = json.loads(text)
            if not isinstance(line["step"], int):
                raise TypeError
        except (ValueError, KeyError, TypeError, RecursionError):
            raise ValueError(f"{path}, line {number} is broken; remove this line") from None
        lines.append(line)
    return lines
