"""Names that an older recipe or model directory has: refused, with the name of today."""

from collections.abc import Container
from pathlib import Path

FILES = {"tagger": "detector"}  # of conf/, of a model directory in data/, and its `kind`
KEYS = {"condition_size": "query_size"}  # of config.yaml's facts


def refuse_old_file(path: Path) -> None:
    """Raises ValueError where `path` is missing and stands there under its old name."""
    old = [path.with_name(f"{old}{path.suffix}") for old, new in FILES.items() if new == path.stem]
    for other in old:
        if other.exists() and not path.exists():
            raise ValueError(f"{other} is called {path} now; rename it: mv {other} {path}")


def refuse_old_override(override: str) -> None:
    """Raises ValueError for a --set whose file has another name now."""
    stem, dot, key = override.partition(".")
    if dot and stem in FILES:
        raise ValueError(
            f"--set {override}: {stem}.yaml is called {FILES[stem]}.yaml now; "
            f"write {FILES[stem]}.{key}"
        )


def refuse_old_key(origin: str, key: str, known: Container[str]) -> None:
    """Raises ValueError for a key that has another name among those known now."""
    if KEYS.get(key, "") in known:
        raise ValueError(f"{origin}: the key {key} is called {KEYS[key]} now; rename it")
