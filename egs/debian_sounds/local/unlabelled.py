"""Clips of the packages' other audio, for self-supervised pretraining: music, ambience, words.

Left out: every recording of the benchmark, everything that shares sound with a recording of dev or
eval, and tuxpaint's thousands of spoken names, since their speakers are the benchmark's.
"""

import logging
import re
import shutil
from pathlib import Path

import numpy as np
from tqdm import tqdm

from uss.tables import Clip, write_table

from .clips import write_audio
from .data_config import Data
from .extraction import extract
from .fingerprint import copies
from .packages import Found, Package, find
from .recordings import Listed, Recording, load_mono
from .sounds import draw_level, load_sound, pink_noise, set_level

SOUND = re.compile(
    r"\.(ogg|opus|mp3|wav|flac)$|\.cat!/\d+$|/blobwars/(music|sound)/[^/.]+$", re.IGNORECASE
)
SPOKEN_NAME = re.compile(r"_desc(_\w+)?\.(ogg|wav)")
MIN_SECONDS = 0.2
DISK_PER_PACKAGE_BYTE = 5.0  # files, clips and, of stage 1, waveforms
GAP_SECONDS = 0.25  # between the pieces of a clip
ORDER, CLIP = 105, 106  # purposes of a generator: default_rng([seed, purpose, index])

logger = logging.getLogger(__name__)


def write_unlabelled(
    recordings: list[Recording],
    held_out: set[str],
    listed: list[Listed],
    found: dict[str, Found],
    config: Data,
    folder: Path,
) -> dict[str, int]:
    """Write `folder`/clips.csv and its audio. Returns counts.

    Args:
        held_out: the groups of dev and eval.
    """
    shutil.rmtree(folder, ignore_errors=True)
    used = {row.recording_id for row in recordings}
    listed_groups = {row.listed_group for row in recordings if row.group in held_out}
    related = {row.recording_id for row in listed if row.group in held_out | listed_groups}
    files: dict[str, Path] = {}
    for package, at_hand in found.items():

        def wanted(path: str, package: str = package) -> bool:
            name = f"{package}:{path}"
            is_other_sound = SOUND.search(path) and not SPOKEN_NAME.search(path)
            return bool(is_other_sound) and name not in used and name not in related

        extracted = extract(at_hand.path, wanted, folder / "files" / package)
        logger.info("%s: %d files", package, len(extracted))
        files |= {f"{package}:{path}": file for path, file in extracted.items()}
    sounding = {name: file for name, file in sorted(files.items()) if is_usable(name, file)}
    held_out_files = {row.recording_id: row.file for row in recordings if row.group in held_out}
    copied = copied_names(sounding, held_out_files)
    kept = [sounding[name] for name in sounding if name not in copied]
    num_clips = write_clips(kept, config, folder)
    return {
        "num_files": len(kept),
        "num_clips": num_clips,
        "num_unusable": len(files) - len(sounding),
        "num_copies_of_held_out": len(copied),
    }


def check_disk(packages: list[Package], packages_folder: Path, data: Path) -> None:
    """Say what `unlabelled: large` takes. Raises ValueError where the disk has less."""
    missing = [package for package in packages if find(package, packages_folder) is None]
    download = sum(package.num_bytes for package in missing)
    written = DISK_PER_PACKAGE_BYTE * sum(package.num_bytes for package in packages)
    data.mkdir(exist_ok=True)
    free = shutil.disk_usage(data).free
    text = (
        f"unlabelled: large: {len(missing)} packages to download, {download / 1e9:.2f} GB; then "
        f"about {written / 1e9:.1f} GB in {data} until stage 1 is done"
    )
    if download + written > free:
        raise ValueError(
            f"{text}; {free / 1e9:.1f} GB are free: make {data} a link to a larger disk, or use "
            "data.unlabelled: small"
        )
    logger.info("%s; %.1f GB are free", text, free / 1e9)


def is_usable(name: str, file: Path) -> bool:
    try:
        waveform, rate = load_mono(file)
    except ValueError as error:
        logger.info("%s is left out: %s", name, error)
        return False
    return len(waveform) >= MIN_SECONDS * rate and bool(waveform.any())


def copied_names(files: dict[str, Path], held_out: dict[str, str]) -> set[str]:
    """The names in `files` that share sound with a held-out recording."""
    both: dict[str, Path | str] = {**files, **held_out}
    found = copies(
        list(files), list(held_out), lambda name: load_mono(both[name]), lambda *pair: True
    )
    return {name for name, _ in found}


def write_clips(files: list[Path], config: Data, folder: Path) -> int:
    """Pieces of the files one after the other, in random order of the files, over the ambience."""
    gap = round(GAP_SECONDS * config.sample_rate)
    num_samples = round(config.clip_seconds * config.sample_rate)
    order = np.random.default_rng([config.seed, ORDER]).permutation(len(files))
    clips: list[Clip] = []
    waiting: list[np.ndarray] = []
    num_waiting = 0

    def flush() -> None:
        nonlocal waiting, num_waiting
        clip_id = f"unlabelled_{len(clips):05d}"
        path = folder / "audio" / f"{clip_id}.flac"
        rng = np.random.default_rng([config.seed, CLIP, len(clips)])
        write_audio(path, join_pieces(waiting, gap, num_samples, config, rng), config.sample_rate)
        clips.append(Clip(clip_id, str(path), 0.0, config.clip_seconds, "", clip_id))
        waiting, num_waiting = [], 0

    for index in tqdm(order, desc="unlabelled", disable=None):
        for piece in pieces(load_sound(files[index], config), num_samples, config.sample_rate):
            if waiting and num_waiting + len(piece) > num_samples:
                flush()
            waiting.append(piece)
            num_waiting += len(piece) + gap
    if waiting:
        flush()
    write_table(folder / "clips.csv", clips, Clip)
    return len(clips)


def pieces(sound: np.ndarray, num_samples: int, rate: int) -> list[np.ndarray]:
    """Consecutive pieces of at most `num_samples`, without those below `MIN_SECONDS`."""
    parts = [sound[start : start + num_samples] for start in range(0, len(sound), num_samples)]
    return [part for part in parts if len(part) >= MIN_SECONDS * rate and part.any()]


def join_pieces(
    parts: list[np.ndarray], gap: int, num_samples: int, config: Data, rng: np.random.Generator
) -> np.ndarray:
    waveform = pink_noise(num_samples, draw_level(config.floor_dbfs, rng), rng)
    start = 0
    for part in parts:
        waveform[start : start + len(part)] += set_level(part, draw_level(config.event_dbfs, rng))
        start += len(part) + gap
    return waveform
