"""FSD50K's zip archives, unpacked: the audio, the ground truth, and who uploaded a clip."""

import logging
import re
from pathlib import Path

from tqdm import tqdm

from uss.writing import atomic

from .disk_room import require_room
from .split_zip import Member, SplitZip

ARCHIVES = {  # name -> the members that are used
    "FSD50K.ground_truth": r"(dev|eval|vocabulary)\.csv",
    "FSD50K.metadata": r"(dev|eval)_clips_info_FSD50K\.json",
    "FSD50K.dev_audio": r"[0-9]+\.wav",
    "FSD50K.eval_audio": r"[0-9]+\.wav",
}
OPTIONAL = "FSD50K.metadata"

logger = logging.getLogger(__name__)


def unpack(archives: Path, folder: Path) -> None:
    """Write the used members that are not there, straight from the parts.

    A file of the size that the archive says is there: each gets its name when it is whole.

    Raises:
        ValueError: an archive or a part of it is missing or damaged, or the disk has too little
            room.
    """
    if not archives.is_dir():
        raise ValueError(
            f"{archives} is no folder: name that of FSD50K's zip files in data.archives, or choose "
            "another data.source"
        )
    absent = [
        (archive, member)
        for name, used in ARCHIVES.items()
        for archive in at_hand(archives / f"{name}.zip", name == OPTIONAL)
        for member in wanted(archive, f"{name}/{used}", folder)
    ]
    require_room(folder, sum(member.num_bytes for _, member in absent), "data.folder")
    for archive, member in tqdm(absent, desc=str(folder), unit="file", disable=None):
        with atomic(folder / member.name) as temporary, open(temporary, "wb") as file:
            file.writelines(archive.chunks(member))


def at_hand(path: Path, is_optional: bool) -> list[SplitZip]:
    """The archive, or none where it may be missing, and is."""
    if is_optional and not path.exists():
        logger.warning("%s is missing: nothing will be known of the clips' uploaders", path)
        return []
    return [SplitZip(path)]


def wanted(archive: SplitZip, used: str, folder: Path) -> list[Member]:
    """The used members that are not there. Raises ValueError where the archive has none."""
    members = [member for member in archive.members if re.fullmatch(used, member.name)]
    if not members:
        raise ValueError(f"{archive.path} holds no {used}: it is not FSD50K's; get it again")
    absent = [member for member in members if not is_there(member, folder)]
    logger.info(
        "%s: %d files to unpack, %d are there, %d are not used",
        *(archive.path.stem, len(absent), len(members) - len(absent)),
        len(archive.members) - len(members),
    )
    return absent


def is_there(member: Member, folder: Path) -> bool:
    path = folder / member.name
    return path.is_file() and path.stat().st_size == member.num_bytes
