"""Stage 2: where in each clip its labels sound; 2-second anchors with their query embeddings.

Reads data/<split>/waveforms/, clips.csv, the optional events.csv; the sound event detector and the
query encoder (conf/pretrained.yaml, else data/detector/); conf/anchors.yaml.
Writes data/<split>/anchors/part_0000.h5 (anchor_id, waveform int16, embedding, probabilities), and
with --merge data/<split>/anchors.csv and, where true times are kept, data/anchors.json: how many
anchors hit. Sharded over the parts of stage 1.

Anchors are found by anchors.method: detected, events (true times) or loudest. Where it is detected
and a split for development or evaluation has true times, its anchors come from them, and the
detector's go to sed_anchors/ and sed_anchors.csv. A recipe without a query encoder (query_encoder:
null, and no detector.yaml) has anchors without embeddings and probabilities.

    SHARD=1 NUM_SHARDS=4 python -m uss.bin.anchors
    python -m uss.bin.anchors --merge
"""

import logging
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from uss.command import parser, run
from uss.config import load, to_dict
from uss.data.anchor_scoring import score_anchors
from uss.data.anchor_set import set_names
from uss.data.anchor_warnings import (
    warn_of_events_cut_off,
    warn_of_labels_without_event,
    warn_of_lost_classes,
    warn_of_several_events,
)
from uss.data.dataset import LABELLED_SPLITS, Dataset
from uss.data.packed import Packed, part_path
from uss.data.waveforms import WaveformSet
from uss.files import Step, digest, write_json
from uss.layout import ANCHOR_SCORES, stage_that_writes
from uss.model_store import networks
from uss.schema import Anchors, Pretrained
from uss.shards import mine
from uss.tables import Anchor, Event, write_table

if TYPE_CHECKING:
    from uss.data.anchor_finding import LabelledClips
    from uss.models.panns import Cnn14, Cnn14DecisionLevelMax

logger = logging.getLogger(__name__)


class Networks:
    """Loaded when the first part has to be made.

    Args:
        needed: those of networks.PANNS that are applied.
        data: the recipe's data folder, whose waveforms they hear.
    """

    def __init__(self, pretrained: Pretrained, needed: list[str], data: Path) -> None:
        self.pretrained = pretrained
        self.needed = needed
        self.data = data

    def digests(self) -> dict[str, str]:
        return {name: networks.panns_digest(self.pretrained, name) for name in self.needed}

    @cached_property
    def detector(self) -> "Cnn14DecisionLevelMax":
        return networks.load_sound_event_detector(self.pretrained, self._sample_rate)

    @cached_property
    def encoder(self) -> "Cnn14 | None":
        if "query_encoder" in self.needed:
            return networks.load_query_encoder(self.pretrained, self._sample_rate)
        logger.warning(
            "anchors without embeddings: pretrained.yaml names no query_encoder, and without "
            "detector.yaml none is trained"
        )
        return None

    @property
    def _sample_rate(self) -> int:
        return WaveformSet(self.data / "train").sample_rate


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


def settings_of(config: Anchors) -> dict:
    """What the record compares: a key that came later makes no anchors from before anew."""
    settings = to_dict(config)
    if config.method == "detected":
        del settings["method"]
    return settings


class Part(NamedTuple):
    """The unit of work of a shard; set_name is one of set_names."""

    split: str
    set_name: str
    number: int
    step: Step


def work(dataset: Dataset, config: Anchors, digests: dict[str, str]) -> list[Part]:
    """Every part of every anchor set.

    Raises:
        ValueError: a table is missing, events.csv too where anchors come from true times.
    """
    result = []
    for split in LABELLED_SPLITS:
        tables = table_digests(dataset, split)
        if config.method == "events" and tables["events"] is None:
            raise ValueError(
                f"anchors.method is events, and {dataset.events_path(split)} is missing; "
                f"{stage_that_writes('events.csv')}; or write method: detected or method: loudest "
                "in anchors.yaml"
            )
        waveforms = Packed(dataset.data / split / "waveforms", stage=1).paths
        for name in set_names(dataset, split, config.method):
            for number, path in enumerate(waveforms):
                inputs = {"waveforms": path, **tables, **digests}
                output = part_path(dataset.data / split / name, number)
                result.append(Part(split, name, number, Step(output, inputs, settings_of(config))))
    return result


def find(dataset: Dataset, config: Anchors, loaded: Networks) -> None:
    """This shard's parts of every split."""
    clips_of: dict[str, LabelledClips] = {}
    for split, name, number, step in mine(work(dataset, config, loaded.digests())):
        if step.is_current():
            continue
        from uss.data import anchor_finding
        from uss.data.anchor_packing import pack

        events = dataset.events(split) or []
        if split not in clips_of:
            clips_of[split] = anchor_finding.LabelledClips(
                WaveformSet(dataset.data / split),
                dataset.classes.ids,
                groups(dataset, split, events),
                {clip.clip_id: clip.duration_seconds for clip in dataset.clips(split)},
            )
        labelled = clips_of[split]
        rows = labelled.clips.packed.part_rows()[number]
        if config.method == "loudest":
            found = anchor_finding.loudest_anchors(rows, labelled, config)
        elif config.method == "detected" and name == set_names(dataset, split, "detected")[-1]:
            found = anchor_finding.detected_anchors(rows, labelled, loaded.detector, config)
        else:
            found = anchor_finding.true_anchors(rows, labelled, events, config)
        step.finish(**pack(found, labelled.clips, loaded.encoder, config, step.output))


def merge(dataset: Dataset, config: Anchors, loaded: Networks) -> None:
    """Check that every part is there and whole, write the tables, score what was found."""
    scores = {}
    all_parts = work(dataset, config, loaded.digests())
    for split in LABELLED_SPLITS:
        clips = WaveformSet(dataset.data / split)
        sets = set_names(dataset, split, config.method)
        for name in sets:
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
        seconds = clips.num_samples / clips.sample_rate
        if config.method == "events" or len(sets) > 1:  # where true times are used
            warn_of_events_cut_off(dataset, split, seconds)
        if config.method == "events":
            warn_of_labels_without_event(dataset, split)
            continue
        if config.method == "loudest":
            warn_of_several_events(dataset, split)
        events = dataset.events(split)
        if events is not None:  # the set that was found is the last
            scores[split] = score_anchors(
                anchors, events, config.segment_seconds, seconds, clips.sample_rate
            )
            logger.info(
                "%s: %.1f %% of the %s anchors hit a true event, %.1f %% of random ones",
                split,
                100 * scores[split]["hit_rate"],
                config.method,
                100 * scores[split]["random_hit_rate"],
            )
    if scores:
        write_json(ANCHOR_SCORES, scores)
    else:
        ANCHOR_SCORES.unlink(missing_ok=True)  # of anchors that were found another way


def main(argv: list[str] | None = None) -> None:
    arguments = parser(__doc__)
    arguments.add_argument("--merge", action="store_true", help="write the tables and the scores")
    options = arguments.parse_args(argv)
    config = load(options.conf, "anchors", Anchors, options.overrides)
    pretrained = load(options.conf, "pretrained", Pretrained, options.overrides)
    needed = networks.needed_panns(pretrained, config.method, options.conf)
    dataset = Dataset()
    loaded = Networks(pretrained, needed, dataset.data)
    (merge if options.merge else find)(dataset, config, loaded)


if __name__ == "__main__":
    run(main)
