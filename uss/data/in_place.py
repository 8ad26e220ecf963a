"""Clips that stay in the files where others packed them: parts that say where each waveform is."""

import os
from pathlib import Path

import numpy as np

from uss.audio import dbfs, from_int16
from uss.data.packed import Packed, write_part
from uss.data.packed_clips import PackedClips
from uss.labels import Classes
from uss.schema import Resample
from uss.tables import Clip

MAX_FILES = 64  # open at a time; AudioSet, as audioset_tagging_cnn packs it, has 43


def adopt(
    clips: list[Clip], row_of: dict[str, int], classes: Classes, config: Resample, path: Path
) -> dict:
    """Validate clips and write one part that points to them; returns facts as `pack` does.

    Args:
        clips: their paths are HDF5 files.
        row_of: clip_id -> row of its file.

    Raises:
        ValueError: a file of another rate or length than resample.yaml says, or that changed.
    """
    files = {clip.path: PackedClips(clip.path) for clip in clips}
    for file in files.values():
        check_format(file, config)
    used, rejected = [], []
    for clip in clips:
        file, row = files[clip.path], row_of[clip.clip_id]
        if row >= len(file.names) or clip.clip_id not in file.names[row]:
            raise ValueError(
                f"{clip.path}: row {row} is not clip {clip.clip_id!r} any more; run stage 0 again: "
                "./run.sh --stage 0 --stop-stage 0"
            )
        level = dbfs(from_int16(file.waveform(row)))
        if level < config.silence_dbfs:
            rejected.append([clip.clip_id, f"silent: {level:.1f} dBFS"])
        else:
            used.append(clip)
    targets = [classes.multi_hot(clip.labels) for clip in used]
    datasets: dict[str, np.ndarray | list[str]] = {
        "audio_name": [clip.clip_id for clip in used],
        "source": [clip.path for clip in used],
        "source_mtime_ns": np.array([modification_time(clip.path) for clip in used], np.int64),
        "row": np.array([row_of[clip.clip_id] for clip in used], np.int64),
        "target": np.array(targets, bool).reshape(-1, len(classes)),
    }
    num_samples = round(config.clip_seconds * config.sample_rate)
    write_part(path, datasets, sample_rate=config.sample_rate, num_samples=num_samples)
    return {"num_packed": len(used), "rejected": rejected, "scaled_below_full_scale": []}


def check_format(file: PackedClips, config: Resample) -> None:
    num_samples = round(config.clip_seconds * config.sample_rate)
    if (file.sample_rate, file.num_samples) != (config.sample_rate, num_samples):
        raise ValueError(
            f"{file.path} holds {file.num_samples / file.sample_rate:g} s at {file.sample_rate} "
            "Hz, resample.yaml asks for "
            f"{config.clip_seconds:g} s at {config.sample_rate} Hz: packed clips are used as they "
            "are; change resample.sample_rate and resample.clip_seconds, or give audio files"
        )


def modification_time(path: str) -> int:
    return os.stat(path).st_mtime_ns


class RowsInPlace:
    """The waveforms that the parts of a split point to.

    Raises:
        ValueError: when one is read whose file is gone, or changed since stage 1 validated it.
    """

    def __init__(self, packed: Packed) -> None:
        self.num_samples = packed.number("num_samples")
        packed.require("row", "int64", "clips")
        packed.require("source_mtime_ns", "int64", "clips")
        everything = range(len(packed))
        self._rows = packed.read("row", everything)
        self._times = packed.read("source_mtime_ns", everything)
        sources = packed.strings("source")
        self._paths = list(dict.fromkeys(sources))
        number_of = {path: number for number, path in enumerate(self._paths)}
        self._file_of_row = np.array([number_of[path] for path in sources], np.int32)
        self._files: dict[int, PackedClips] = {}

    def read(self, rows: np.ndarray | range | list[int]) -> np.ndarray:
        """(len(rows), num_samples) int16."""
        result = np.empty((len(rows), self.num_samples), np.int16)
        for number, row in enumerate(rows):
            file = self._file(int(self._file_of_row[row]), int(self._times[row]))
            result[number] = file.waveform(int(self._rows[row]))
        return result

    def _file(self, number: int, time_ns: int) -> PackedClips:
        if number not in self._files:
            path = self._paths[number]
            if not os.path.exists(path) or modification_time(path) != time_ns:
                raise ValueError(
                    f"{path} is gone or changed since stage 1 validated it; run stages 0 and 1 "
                    "again: ./run.sh --stage 0 --stop-stage 1"
                )
            file = PackedClips(path)
            if file.num_samples != self.num_samples:
                raise ValueError(
                    f"{path} has clips of {file.num_samples} samples, not {self.num_samples}; run "
                    "stages 0 and 1 again: ./run.sh --stage 0 --stop-stage 1"
                )
            while len(self._files) >= MAX_FILES:
                del self._files[next(iter(self._files))]
            self._files[number] = file
        return self._files[number]
