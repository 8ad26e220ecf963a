"""What a recipe's local/ wrote in data/: classes, clips, and where it knows them true times."""

from pathlib import Path

from uss.labels import Classes, read_classes
from uss.layout import stage_that_writes
from uss.tables import ClassPair, Clip, Event, PackedRow, read_table

LABELLED_SPLITS = ("train", "dev", "eval")
UNLABELLED = "unlabelled"  # optional: more audio for the A-MAE's pretraining


class Dataset:
    """The tables of stage 0.

    Args:
        data: the recipe's data folder.

    Raises:
        ValueError: from any method, naming file and id, where a table is missing or wrong.
    """

    def __init__(self, data: Path | str = "data") -> None:
        self.data = Path(data)
        self.classes: Classes = read_classes(self.data / "classes.csv")
        self._clips: dict[str, list[Clip]] = {}  # read once: with millions of rows it takes a while
        self._events: dict[str, list[Event] | None] = {}

    @property
    def splits(self) -> list[str]:
        unlabelled = self.clips_path(UNLABELLED).exists()
        return [*LABELLED_SPLITS, UNLABELLED] if unlabelled else list(LABELLED_SPLITS)

    def clips_path(self, split: str) -> Path:
        return self.data / split / "clips.csv"

    def events_path(self, split: str) -> Path:
        return self.data / split / "events.csv"

    def forbidden_pairs_path(self) -> Path:
        return self.data / "forbidden_pairs.csv"

    def clips(self, split: str) -> list[Clip]:
        if split not in self._clips:
            self._clips[split] = self._read_clips(split)
        return self._clips[split]

    def _read_clips(self, split: str) -> list[Clip]:
        path = self.clips_path(split)
        clips = read_table(path, Clip)
        for clip in clips:
            for class_id in clip.labels.split():
                if class_id not in self.classes:
                    raise ValueError(
                        f"{path}: id {clip.clip_id!r}: label {class_id} is not in "
                        f"{self.data / 'classes.csv'}; add the class there or drop the label"
                    )
        return clips

    def packed_rows(self, split: str) -> dict[str, int] | None:
        """clip_id -> row of the HDF5 file that is the clip's path; None for audio files."""
        path = self.data / split / "packed.csv"
        if not path.exists():
            return None
        rows = {row.clip_id: row.row for row in read_table(path, PackedRow)}
        for clip in self.clips(split):
            if clip.clip_id not in rows:
                raise ValueError(
                    f"{path} lacks clip {clip.clip_id!r} of {self.clips_path(split)}; "
                    f"{stage_that_writes(path)}"
                )
        return rows

    def events(self, split: str) -> list[Event] | None:
        """True times sorted by id, or None where the recipe keeps none."""
        if split not in self._events:
            self._events[split] = self._read_events(split)
        return self._events[split]

    def _read_events(self, split: str) -> list[Event] | None:
        path = self.events_path(split)
        if not path.exists():
            return None
        events = read_table(path, Event)
        labels = self.clip_labels(split)
        seconds_of = {clip.clip_id: clip.duration_seconds for clip in self.clips(split)}
        for event in events:
            if event.class_id not in labels.get(event.clip_id, ()):
                raise ValueError(
                    f"{path}: id {event.event_id!r}: clip {event.clip_id} does not carry the "
                    f"label {event.class_id} in {self.clips_path(split)}; correct one of them"
                )
            if event.start_seconds >= seconds_of[event.clip_id]:
                raise ValueError(
                    f"{path}: id {event.event_id!r}: it starts at {event.start_seconds:g} s, and "
                    f"clip {event.clip_id} is {seconds_of[event.clip_id]:g} s long in "
                    f"{self.clips_path(split)}; times count from the clip's start, not the file's"
                )
        return events

    def clip_labels(self, split: str) -> dict[str, frozenset[str]]:
        return {clip.clip_id: frozenset(clip.labels.split()) for clip in self.clips(split)}

    def forbidden(self) -> dict[str, set[str]]:
        """class_id -> classes that overlap it in meaning, from the optional forbidden_pairs.csv."""
        forbidden: dict[str, set[str]] = {}
        path = self.forbidden_pairs_path()
        for pair in read_table(path, ClassPair) if path.exists() else []:
            forbidden.setdefault(pair.class_id, set()).add(pair.other_class_id)
            forbidden.setdefault(pair.other_class_id, set()).add(pair.class_id)
        return forbidden

    def groups(self, split: str) -> set[str]:
        """The recordings of a split: those of the events where they are known."""
        events = self.events(split)
        return {row.group for row in (events if events is not None else self.clips(split))}
