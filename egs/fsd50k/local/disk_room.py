"""Whether a disk has room for what is to be written."""

import shutil
from pathlib import Path


def require_room(folder: Path, num_bytes: int, key: str) -> None:
    """Raises ValueError where the disk has less room. key: of data.yaml, which names the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(folder).free
    if num_bytes > free:
        raise ValueError(
            f"{num_bytes / 1e9:.1f} GB are to be written to {folder}, which has {free / 1e9:.1f} "
            f"GB left: make data a link to a larger disk, or set {key}"
        )
