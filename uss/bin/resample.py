"""Stage 1: decode every clip once, resample, mix down to mono, and pack.

Reads data/<split>/clips.csv and the audio files that it names; conf/resample.yaml.
Writes data/<split>/waveforms/part_0000.h5 (audio_name, waveform int16, target: the layout of
audioset_tagging_cnn), and with --merge data/<split>/rejected.csv. Sharded over the parts.
Where data/<split>/packed.csv says that clips.csv's files are packed already, they are validated,
and the parts point to their rows.

    SHARD=1 NUM_SHARDS=4 python -m uss.bin.resample
    python -m uss.bin.resample --merge
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from uss import audio
from uss.command import parser, run
from uss.config import load, to_dict
from uss.data.dataset import Dataset
from uss.data.in_place import adopt
from uss.data.packed import Packed, part_path, write_part
from uss.files import Step, digest_of, digest_of_stats
from uss.labels import Classes
from uss.layout import stage_that_writes
from uss.schema import Resample
from uss.shards import mine, parts
from uss.tables import Clip, Rejected, write_table

TRUNCATION_TOLERANCE_SECONDS = 0.25

logger = logging.getLogger(__name__)


def prepare(clip: Clip, config: Resample) -> tuple[np.ndarray, bool]:
    """One clip at the recipe's rate.

    Returns:
        (samples,) float32 within [-1, 1], and whether it was scaled down to stay within.

    Raises:
        BadAudio: with the reason for which the clip is rejected.
    """
    waveform, rate = audio.decode(clip.path, clip.start_seconds, clip.duration_seconds)
    seconds = waveform.shape[1] / rate
    if seconds < clip.duration_seconds - TRUNCATION_TOLERANCE_SECONDS or seconds == 0:
        raise audio.BadAudio(f"truncated: {seconds:.2f} s of {clip.duration_seconds:.2f} s")
    mono = audio.resample(waveform.mean(axis=0), rate, config.sample_rate)
    mono = mono[: round(config.clip_seconds * config.sample_rate)]
    level = audio.dbfs(mono)
    if level < config.silence_dbfs:
        raise audio.BadAudio(f"silent: {level:.1f} dBFS")
    peak = float(np.abs(mono).max())
    return (mono / peak, True) if peak > 1 else (mono, False)


def pack(clips: list[Clip], classes: Classes, config: Resample, path: Path) -> dict:
    """Write one part; returns what the record should say of it.

    Raises:
        ValueError: the system does not let a clip be read.
    """
    num_samples = round(config.clip_seconds * config.sample_rate)
    waveforms = np.zeros((len(clips), num_samples), np.int16)  # a part is held once
    names: list[str] = []
    targets, rejected, scaled = [], [], []
    for clip in tqdm(clips, desc=str(path), disable=None, leave=False):
        try:
            waveform, was_scaled = prepare(clip, config)
        except audio.BadAudio as error:
            rejected.append([clip.clip_id, str(error)])
            continue
        except OSError as error:
            raise ValueError(
                f"clip {clip.clip_id!r}: {error}; this is no fault of the clip, which is not "
                "rejected: mend it and run stage 1 again"
            ) from error
        waveforms[len(names), : len(waveform)] = audio.to_int16(waveform)
        names.append(clip.clip_id)
        targets.append(classes.multi_hot(clip.labels))
        scaled += [clip.clip_id] * was_scaled
    datasets: dict[str, np.ndarray | list[str]] = {
        "audio_name": names,
        "waveform": waveforms[: len(names)],
        "target": np.array(targets, bool).reshape(-1, len(classes)),
    }
    write_part(path, datasets, sample_rate=config.sample_rate)
    return {"num_packed": len(names), "rejected": rejected, "scaled_below_full_scale": scaled}


class Part(NamedTuple):
    """The unit of work of a shard. row_of: as Dataset.packed_rows gives it."""

    split: str
    path: Path
    clips: list[Clip]
    row_of: dict[str, int] | None

    def step(self, dataset: Dataset, config: Resample) -> Step:
        settings = to_dict(config)
        del settings["max_rejected_fraction"]  # decides nothing about a part
        inputs: dict[str, Path | str | None] = {
            "classes": dataset.data / "classes.csv",
            "clips": digest_of([list(clip) for clip in self.clips]),
            "audio": digest_of_stats([Path(clip.path) for clip in self.clips]),
        }
        if self.row_of is not None:
            inputs["rows"] = digest_of([self.row_of[clip.clip_id] for clip in self.clips])
        return Step(self.path, inputs, settings)


def work(dataset: Dataset, config: Resample) -> list[Part]:
    """Every part of every split."""
    result = []
    for split in dataset.splits:
        clips, row_of = dataset.clips(split), dataset.packed_rows(split)
        for number, rows in enumerate(parts(len(clips), config.clips_per_part)):
            path = part_path(dataset.data / split / "waveforms", number)
            result.append(Part(split, path, clips[rows.start : rows.stop], row_of))
    return result


def merge(dataset: Dataset, config: Resample) -> None:
    """Check that every part is there and whole, write rejected.csv, and fail above the budget."""
    of_split: dict[str, list[Part]] = {split: [] for split in dataset.splits}
    for part in work(dataset, config):
        of_split[part.split].append(part)
    failures = []
    for split, split_parts in of_split.items():
        folder = dataset.data / split / "waveforms"
        rejected, num_packed, num_scaled = [], 0, 0
        for part in split_parts:
            facts = part.step(dataset, config).require()
            rejected += [Rejected(*row) for row in facts["rejected"]]
            num_packed += facts["num_packed"]
            num_scaled += len(facts["scaled_below_full_scale"])
        for stale in set(folder.glob("part_*.h5")) - {part.path for part in split_parts}:
            logger.info("remove %s: the split has fewer parts now", stale)
            stale.unlink()
        num_clips, num_rows = len(dataset.clips(split)), len(Packed(folder, stage=1))
        if num_packed + len(rejected) != num_clips or num_rows != num_packed:
            raise ValueError(
                f"{folder}: {num_rows} rows, {num_packed} clips packed, {len(rejected)} rejected, "
                f"of {num_clips} in clips.csv; remove the folder; {stage_that_writes(folder)}"
            )
        table = dataset.data / split / "rejected.csv"
        write_table(table, rejected, Rejected)
        logger.info(
            "%s: %d clips packed, %d rejected, %d scaled below full scale",
            split,
            num_packed,
            len(rejected),
            num_scaled,
        )
        num_cut = sum(
            clip.duration_seconds > config.clip_seconds + TRUNCATION_TOLERANCE_SECONDS
            for clip in dataset.clips(split)
        )
        if num_cut:
            logger.warning(
                "%s: %d clips are longer than clip_seconds (%g) and were cut: raise it in "
                "resample.yaml, or divide them into several clips of one group in clips.csv",
                *(split, num_cut, config.clip_seconds),
            )
        budget = config.max_rejected_fraction * (num_packed + len(rejected))
        if len(rejected) > budget or num_packed == 0:
            failures.append(
                f"{table}: {len(rejected)} of {num_packed + len(rejected)} clips are rejected, "
                f"such as {rejected[0].clip_id!r} ({rejected[0].reason})"
            )
    if failures:
        raise ValueError(
            f"{'; '.join(failures)}; mend the clips, or raise resample.max_rejected_fraction "
            f"({config.max_rejected_fraction})"
        )


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--merge", action="store_true", help="write rejected.csv, check counts")
    options = arguments.parse_args(argv)
    config = load(options.conf, "resample", Resample, options.overrides)
    dataset = Dataset()
    if options.merge:
        return merge(dataset, config)
    for part in mine(work(dataset, config)):
        step = part.step(dataset, config)
        if step.is_current():
            continue
        if part.row_of is None:
            step.finish(**pack(part.clips, dataset.classes, config, part.path))
        else:
            step.finish(**adopt(part.clips, part.row_of, dataset.classes, config, part.path))


if __name__ == "__main__":
    run(main)
