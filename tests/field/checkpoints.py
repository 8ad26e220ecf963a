"""Only a training that goes on may fall back to an older checkpoint."""

import shutil
import struct
import zipfile
from pathlib import Path

from tests.field.case import case, require
from tests.field.place import Place

CHECKPOINTS = "checkpoints"
STEPS = "--set=train.steps=4"


def flip(path: Path) -> None:
    """One bit of the largest tensor: between the records of a checkpoint is padding."""
    with zipfile.ZipFile(path) as archive:
        record = max(archive.infolist(), key=lambda info: info.file_size)
    content = bytearray(path.read_bytes())
    lengths = struct.unpack_from("<HH", content, record.header_offset + 26)
    content[record.header_offset + 30 + sum(lengths) + record.file_size // 2] ^= 1
    path.write_bytes(content)


def flipped(place: Place) -> tuple[Path, Path]:
    """A recipe, and the newest of its two checkpoints with one bit flipped in the weights."""
    recipe = place.recipe()
    folder = recipe / "exp" / "one" / "resunet" / "checkpoints"
    newest = max(folder.glob("step_*.pt"))
    older = folder / "step_00000003.pt"
    if not older.exists():
        shutil.copy(newest, older)
    flip(newest)
    place.model = folder.parent
    return recipe, newest


@case(CHECKPOINTS, "own", "one bit flipped in the newest checkpoint: `sep`", "refused")
def a_flipped_bit_in_separation(place: Place) -> str:
    flipped(place)
    place.wav("a.wav")
    done = place.separate("a.wav")
    require(done.sentence, f"{done.short} (with the checkpoint before)")
    return done.short


@case(CHECKPOINTS, "own", "the same: stage 6", "refused; it does not go on with another file")
def a_flipped_bit_in_stage_6(place: Place) -> str:
    recipe, newest = flipped(place)
    detector = recipe / "data" / "detector" / "checkpoints"
    of_detector = max(detector.glob("step_*.pt"))
    shutil.copy(of_detector, detector / "step_00000001.pt")
    flip(of_detector)
    (recipe / "exp/one/panns.pt").unlink()
    return place.uss("average_embeddings", "--name", "one", cwd=recipe).require_sentence().short


@case(CHECKPOINTS, "own", "the same: stage 5", "trains the lost steps again; then `sep` works")
def a_flipped_bit_is_mended(place: Place) -> str:
    recipe, newest = flipped(place)
    words = ("train", "--name", "one", "--systems", "resunet", STEPS)
    done = place.uss(*words, cwd=recipe).require_ok()
    require("all 4 steps are done" not in done.said, done.short)
    place.wav("a.wav")
    again = place.separate("a.wav").require_ok()
    require("does not open" not in again.said, again.short)
    return done.line
