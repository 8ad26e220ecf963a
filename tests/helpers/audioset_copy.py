"""What stage 0 of egs/audioset finds, and empty files for it to find."""

from uss.data.dataset import LABELLED_SPLITS
from uss.tables import Clip, read_table


def clips(split):
    return {clip.clip_id: clip for clip in read_table(f"data/{split}/clips.csv", Clip)}


def all_clips():
    return {clip_id: clip for split in LABELLED_SPLITS for clip_id, clip in clips(split).items()}


def touch(recipe, *names):
    """Files of a local copy: stage 0 reads their names only."""
    for name in names:
        path = recipe.data / "audioset" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def touch_all(recipe, but=()):
    touch(recipe, *(f"Y{row.clip_id}.wav" for row in recipe.all_rows if row.clip_id not in but))
