"""Names of files and folders: not UTF-8, hidden, long, of markup, links."""

import os
import shutil

from tests.field.case import case, require
from tests.field.place import Place

NAMES = "names"


def base(place: Place, name: bytes) -> bytes:
    path = os.fsencode(place.folder) + b"/" + name
    os.makedirs(os.path.dirname(path), exist_ok=True)
    shutil.copy(os.fsencode(place.copy("names/base.wav", "base.copy")), path)
    return path


def num_outputs(place: Place, output: str = "out") -> int:
    return len(place.outputs(output))


@case(
    NAMES,
    "mutagen#648",
    "`caf\\xe9.wav` in a folder: `sep in --spectrogram --report`, twice",
    "separated, and skipped the second time",
)
def names_that_are_not_utf_8(place: Place) -> str:
    base(place, b"in/caf\xe9.wav")
    done = place.separate("in", "--spectrogram", "--report").require_ok()
    require(num_outputs(place) == 1, f"{num_outputs(place)} outputs; {done.short}")
    again = place.separate("in", "--spectrogram", "--report").require_ok()
    require("1 skipped" in again.said, f"again: {again.short}")
    return again.line


@case(
    NAMES,
    "mutagen#648",
    "`caf\\xe9.wav` as an example, with `--save-query`; as a folder of examples; by `--auto`",
    "separated",
)
def examples_that_are_not_utf_8(place: Place) -> str:
    place.wav("a.wav")
    base(place, b"bells\xe9/caf\xe9.wav")
    name = b"bells\xe9/caf\xe9.wav"
    place.separate("a.wav", "--query", name, "--save-query", "q.h5", "--output", "1").require_ok()
    place.separate("a.wav", "--query", b"bells\xe9", "--output", "2").require_ok()
    place.separate("a.wav", "--query", "q.h5", "--output", "3").require_ok()
    place.separate(name, "--auto", "--output", "4").require_ok()
    numbers = [num_outputs(place, output) for output in "123"]
    require(numbers == [1, 1, 1], f"outputs: {numbers}")
    return "separated, by file, folder and saved query"


@case(NAMES, "BirdNET-Analyzer PR#635", "`sep names`, which holds `._plain.wav`", "left out")
def hidden_files(place: Place) -> str:
    place.copy("names/base.wav", "names/plain.wav")
    place.copy("names/._plain.wav", "names/._plain.wav")
    place.copy("names/._plain.wav", "names/.hidden/plain.wav")
    done = place.separate("names").require_ok()
    require(num_outputs(place) == 1, f"{num_outputs(place)} outputs; {done.short}")
    return done.line


@case(NAMES, "UVR#1483", "a name of 249 bytes, and one beside it that begins alike", "shortened")
def long_names(place: Place) -> str:
    for last in ("x", "y"):
        base(place, b"in/" + b"n" * 244 + last.encode() + b".wav")
    base(place, b"in/" + ("é" * 122).encode() + b".wav")  # cut between letters only
    done = place.separate("in", "--residual", "--spectrogram", "--report").require_ok()
    require(num_outputs(place) == 6, f"{num_outputs(place)} outputs of 6; {done.short}")
    again = place.separate("in", "--residual", "--spectrogram", "--report").require_ok()
    require("3 skipped" in again.said, f"again: {again.short}")
    return done.line


@case(
    NAMES,
    "UVR#1483",
    "an example with a name of 249 bytes: `sep a.wav --query`, which names the output",
    "shortened",
)
def long_names_of_queries(place: Place) -> str:
    place.wav("a.wav")
    name = b"q" * 245 + b".wav"
    base(place, name)
    place.separate("a.wav", "--query", name, "--spectrogram").require_ok()
    require(num_outputs(place) == 1, "no output")
    return "separated"


@case(
    NAMES,
    "nine-or-null#14",
    "`take $1_$2.wav`, `$x^.wav`, `a\\b_{.wav`: `sep --spectrogram --report`",
    "pictures",
)
def names_as_markup(place: Place) -> str:
    for name in (b"in/take $1_$2.wav", b"in/$x^.wav", b"in/a\\b_{.wav", b"in/<b>&amp;.wav"):
        base(place, name)
    done = place.separate("in", "--spectrogram", "--report").require_ok()
    pictures = list((place.folder / "out").rglob("*.png"))
    require(len(pictures) == 8, f"{len(pictures)} pictures of 8; {done.short}")
    page = (place.folder / "out" / "index.html").read_text()
    require("<b>&amp;.wav" not in page, "a name stands in the page as markup")
    return f"{len(pictures)} pictures"


@case(NAMES, "own", "`語.wav`: `sep --spectrogram`", "a picture, and no warning about glyphs")
def letters_that_the_font_has_not(place: Place) -> str:
    base(place, "in/語.wav".encode())
    done = place.separate("in", "--spectrogram").require_ok()
    glyphs = [line for line in done.said.splitlines() if "lyph" in line]
    require(not glyphs, "; ".join(glyphs))
    return done.line


@case(
    NAMES,
    "kaldi PR#3912",
    "`sep in`, where in/more is a link to a folder of recordings; in/again leads back to in",
    "followed, once",
)
def links_to_folders(place: Place) -> str:
    base(place, b"elsewhere/a.wav")
    (place.folder / "in").mkdir()
    (place.folder / "in" / "more").symlink_to("../elsewhere")
    (place.folder / "in" / "again").symlink_to(".")
    (place.folder / "in" / "once more").symlink_to(".")
    done = place.separate("in", seconds=60).require_ok()
    require(num_outputs(place) == 1, f"{num_outputs(place)} outputs; {done.short}")
    place.wav("mix.wav")
    query = place.separate("mix.wav", "--query", "in", "--output", "by", seconds=60).require_ok()
    return f"{done.line}; as a query: {query.line}"


@case(
    NAMES,
    "own",
    "`sep` of two links in a folder to one file, and of a link that leads nowhere",
    "the good ones; a line for the other",
)
def links_to_files(place: Place) -> str:
    base(place, b"in/a.wav")
    (place.folder / "in" / "b.wav").symlink_to("a.wav")
    (place.folder / "in" / "c.wav").symlink_to("nowhere.wav")
    done = place.separate("in").require_no_traceback()
    require("c.wav" in done.said, f"nothing is said of c.wav; {done.short}")
    require(num_outputs(place) >= 1, f"no output; {done.short}")
    return done.line


@case(
    NAMES,
    "own",
    "names with a line end, a leading hyphen, a space at the end, and `sep` of a pipe",
    "separated; the pipe is refused at once",
)
def strange_names(place: Place) -> str:
    for name in (b"in/two\nlines.wav", b"in/-x.wav", b"in/end .wav", b"in/.. .wav"):
        base(place, name)
    done = place.separate("in", "--spectrogram", "--report").require_ok()
    os.mkfifo(place.folder / "pipe.wav")
    pipe = place.separate("pipe.wav", "--output", "p", seconds=30).require_sentence("pipe.wav")
    return f"{done.line}; {pipe.line}"
