"""Where things lie in a recipe's folder, and which stage writes each of them."""

from pathlib import Path
from typing import NamedTuple

DATA = Path("data")
EXPERIMENTS = Path("exp")
NOTES = Path("local/results_notes.md")  # what the authors of a recipe want to say

CLASSES = DATA / "classes.csv"
RECORDINGS = DATA / "recordings.csv"  # of recipes that measure ready mixtures, and their references
RECORDINGS_RESULTS = "results_recordings"  # below a system's directory
DETECTOR = DATA / "detector"  # model directory; its weights serve the query encoder too
AMAE = DATA / "amae"  # model directory
ANCHOR_SCORES = DATA / "anchors.json"
AMAE_PROBE = DATA / "amae_probe.json"

EMBEDDINGS = "average_embeddings.h5"  # in a model directory, and in exp/<name>/
PANNS = "panns.pt"  # there: sound event detector and query encoder
ADOPTED = "adopted.json"  # in a model directory that was made elsewhere: from where


class ListPlace(NamedTuple):
    """Of data/mixtures/<list>.csv: the split and the set of anchors that it names, and the folder
    of a system's results on it (None: nothing is measured on it)."""

    split: str
    anchors: str
    results: str | None


LISTS = {
    "train": ListPlace("train", "anchors", None),
    "query": ListPlace("train", "anchors", None),
    "dev": ListPlace("dev", "anchors", "results_dev"),
    "eval": ListPlace("eval", "anchors", "results"),
    "eval_sed": ListPlace("eval", "sed_anchors", "results_sed"),
    "eval_imported": ListPlace("eval", "imported_anchors", "results_imported"),
}
MEASURED = {name: place.results for name, place in LISTS.items() if place.results is not None}

STAGES = {  # names of files and folders below data/ and exp/<name>/
    "classes.csv": 0,
    "clips.csv": 0,
    "packed.csv": 0,
    "events.csv": 0,
    "forbidden_pairs.csv": 0,
    "recordings.csv": 0,
    "extracted.csv": 0,
    "waveforms": 1,
    "rejected.csv": 1,
    "anchors": 2,
    "anchors.csv": 2,
    "sed_anchors": 2,
    "sed_anchors.csv": 2,
    "mixtures": 3,
    "features": 4,
    EMBEDDINGS: 6,
    **{
        name: 7
        for folder in (*MEASURED.values(), RECORDINGS_RESULTS)
        for name in (folder, f"{folder}.csv")
    },
}
TRAINING_STAGES = {DETECTOR: 2, AMAE: 4}  # of model directories; systems are trained in stage 5


def mixtures_path(name: str) -> Path:
    """Of a list of mixtures."""
    return DATA / "mixtures" / f"{name}.csv"


def stage_that_writes(path: Path | str) -> str:
    """The remedy for a file that is missing or wrong."""
    for name in reversed(Path(path).parts):
        if name in STAGES:
            return f"stage {STAGES[name]} writes it: {command_of_stage(STAGES[name])}"
    return "the stage that writes it must run again"


def stage_that_trains(directory: Path) -> str:
    """The remedy for a model directory that lacks its weights."""
    stage = TRAINING_STAGES.get(Path(*Path(directory).parts[-2:]), 5)
    return f"stage {stage} trains it: {command_of_stage(stage)}"


def command_of_stage(stage: int) -> str:
    return f"./run.sh --stage {stage} --stop-stage {stage}"
