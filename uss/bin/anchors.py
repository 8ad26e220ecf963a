"""Stage 2: where in each clip its labels sound; 2-second anchors with their query embeddings.

Reads data/<split>/waveforms/, clips.csv, the optional events.csv; the sound event detector and the
query encoder (conf/pretrained.yaml, else data/detector/); conf/anchors.yaml.
Writes data/<split>/anchors/part_0000.h5 (anchor_id, waveform int16, embedding, probabilities), and
with --merge data/<split>/anchors.csv and, where true times are kept, data/anchors.json: how many
anchors hit. Sharded over the parts of stage 1.

Where a split for development or evaluation has true times, its anchors come from them, and the
detector's go to sed_anchors/ and sed_anchors.csv.

    SHARD=1 NUM_SHARDS=4 python -m uss.bin.anchors
    python -m uss.bin.anchors --merge
"""

import logging
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss import audio
from uss.command import parser, run
from uss.config import load, to_dict
from uss.data.anchor_scoring import score_anchors
from uss.data.dataset import LABELLED_SPLITS, Dataset
from uss.data.packed import Packed, part_path, write_part
from uss.data.waveforms import WaveformSet
from uss.files import Step, digest, write_json
from uss.layout import stage_that_writes
from uss.model_store import networks
from uss.schema import Anchors, Pretrained
from uss.shards import mine
from uss.tables import Anchor, Event, write_table

logger = logging.getLogger(__name__)


def anchor_sets(dataset: Dataset, split: str) -> list[str]:
    """The anchor sets of a split, those that mixtures use first."""
    if split != "train" and dataset.events(split) is not None:
        return ["anchors", "sed_anchors"]
    return ["anchors"]


def pack(
    found: list[tuple[int, Anchor]], clips: WaveformSet, encoder, config: Anchors, path: Path
) -> dict:
    """Cut, embed and write one part; returns what the record should say of it."""
    import torch

    num_samples = round(config.segment_seconds * clips.sample_rate)
    waveforms = np.empty((len(found), num_samples), np.int16)
    kept: list[Anchor] = []
    for row, anchor in found:
        waveform = clips.read([row])[0, anchor.start_sample : anchor.start_sample + num_samples]
        if audio.dbfs(audio.from_int16(waveform)) >= config.silence_dbfs:
            waveforms[len(kept)] = waveform
            kept.append(anchor)
    packed = waveforms[: len(kept)]
    device = next(encoder.parameters()).device
    embeddings = [np.zeros((0, encoder.fc1.out_features), np.float32)]
    probabilities = [np.zeros((0, encoder.fc_audioset.out_features), np.float32)]
    batch_size = config.batch_size
    for start in range(0, len(packed), batch_size):
        batch = torch.from_numpy(audio.from_int16(packed[start : start + batch_size]))
        with torch.no_grad():
            output = encoder(batch.to(device))
        embeddings.append(output.embedding.cpu().numpy())
        probabilities.append(output.probabilities.cpu().numpy())
    datasets: dict[str, np.ndarray | list[str]] = {
        "anchor_id": [anchor.anchor_id for anchor in kept],
        "waveform": packed,
        "embedding": np.concatenate(embeddings),
        "probabilities": np.concatenate(probabilities),
    }
    write_part(path, datasets, sample_rate=clips.sample_rate)
    num_silent = len(found) - len(kept)
    return {"anchors": [list(anchor) for anchor in kept], "num_silent": num_silent}


def groups(dataset: Dataset, split: str, events: list[Event]) -> dict[tuple[str, str], str]:
    """(clip_id, class_id) -> recording: the event's where known, else the clip's."""
    result = {
        (clip.clip_id, class_id): clip.group
        for clip in dataset.clips(split)
        for class_id in clip.labels.split()
    }
    return result | {(event.clip_id, event.class_id): event.group for event in reversed(events)}


def table_digests(dataset: Dataset, split: str) -> dict[str, str | None]:
    """Of the tables that the anchors of a split depend on."""
    events = dataset.events_path(split)
    return {
        "clips": digest(dataset.clips_path(split)),
        "events": digest(events) if events.exists() else None,
    }


class Part(NamedTuple):
    """The unit of work of a shard; set_name is one of anchor_sets."""

    split: str
    set_name: str
    number: int
    step: Step


def work(dataset: Dataset, config: Anchors, pretrained: Pretrained) -> list[Part]:
    """Every part of every anchor set."""
    digests = networks.panns_digests(pretrained)
    result = []
    for split in LABELLED_SPLITS:
        tables = table_digests(dataset, split)
        waveforms = Packed(dataset.data / split / "waveforms", stage=1).paths
        for name in anchor_sets(dataset, split):
            for number, path in enumerate(waveforms):
                inputs = {"waveforms": path, **tables, **digests}
                output = part_path(dataset.data / split / name, number)
                result.append(Part(split, name, number, Step(output, inputs, to_dict(config))))
    return result


def find(dataset: Dataset, config: Anchors, pretrained: Pretrained) -> None:
    """This shard's parts of every split."""
    clip_sets, loaded = {}, None
    for split, name, number, step in mine(work(dataset, config, pretrained)):
        if step.is_current():
            continue
        detector, encoder = loaded = loaded or networks.load_panns(pretrained)
        if split not in clip_sets:
            clip_sets[split] = WaveformSet(dataset.data / split)
        from uss.data.anchor_finding import detected_anchors, true_anchors

        clips, events = clip_sets[split], dataset.events(split) or []
        rows = clips.packed.part_rows()[number]
        if name == "anchors" and "sed_anchors" in anchor_sets(dataset, split):
            num_samples = round(config.segment_seconds * clips.sample_rate)
            found = true_anchors(rows, clips, events, num_samples)
        else:
            group_of = groups(dataset, split, events)
            class_ids = dataset.classes.ids
            seconds_of = {clip.clip_id: clip.duration_seconds for clip in dataset.clips(split)}
            found = detected_anchors(rows, clips, class_ids, group_of, seconds_of, detector, config)
        step.finish(**pack(found, clips, encoder, config, step.output))


def merge(dataset: Dataset, config: Anchors, pretrained: Pretrained) -> None:
    """Check that every part is there and whole, write the tables, score what the detector found."""
    scores = {}
    all_parts = work(dataset, config, pretrained)
    for split in LABELLED_SPLITS:
        clips = WaveformSet(dataset.data / split)
        for name in anchor_sets(dataset, split):
            folder = dataset.data / split / name
            steps = [part.step for part in all_parts if part[:2] == (split, name)]
            facts = [step.require() for step in steps]
            for stale in set(folder.glob("part_*.h5")) - {step.output for step in steps}:
                stale.unlink()
            anchors = [Anchor(*row) for fact in facts for row in fact["anchors"]]
            if len(Packed(folder, stage=2)) != len(anchors):
                raise ValueError(
                    f"{folder} does not hold the {len(anchors)} anchors that its records name; "
                    f"remove the folder; {stage_that_writes(folder)}"
                )
            write_table(dataset.data / split / f"{name}.csv", anchors, Anchor)
            logger.info(
                "%s: %d %s, %d dropped as silent",
                split,
                len(anchors),
                name,
                sum(fact["num_silent"] for fact in facts),
            )
            warn_of_lost_classes(dataset, split, name, anchors)
            events = dataset.events(split)
            if events is not None and name == anchor_sets(dataset, split)[-1]:
                clip_seconds = clips.num_samples / clips.sample_rate
                scores[split] = score_anchors(
                    anchors,
                    events,
                    config.segment_seconds,
                    clip_seconds,
                    clips.sample_rate,
                )
                logger.info(
                    "%s: %.1f %% of the detected anchors hit a true event, %.1f %% of random ones",
                    split,
                    100 * scores[split]["hit_rate"],
                    100 * scores[split]["random_hit_rate"],
                )
    if scores:
        write_json(dataset.data / "anchors.json", scores)


def warn_of_lost_classes(dataset: Dataset, split: str, name: str, anchors: list[Anchor]) -> None:
    """One line where clips carry a class, and all of its anchors were dropped."""
    labelled = set().union(*dataset.clip_labels(split).values())
    found = {anchor.class_id for anchor in anchors}
    lost = [c for c in dataset.classes.ids if c in labelled and c not in found]
    if lost:
        logger.warning(
            "%s: %d classes have clips and not one of the %s, so they make no mixtures: %s; the "
            "stretches found for them are silent: see whether their clips are, lower "
            "silence_dbfs in anchors.yaml, or train the detector longer",
            *(split, len(lost), name, dataset.classes.shown(lost)),
        )


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--merge", action="store_true", help="write the tables and the scores")
    options = arguments.parse_args(argv)
    config = load(options.conf, "anchors", Anchors, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    if options.merge:
        merge(Dataset(), config, pretrained)
    else:
        find(Dataset(), config, pretrained)


if __name__ == "__main__":
    run(main)
