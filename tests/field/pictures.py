"""Pictures never decide about results, and are drawn as the project means them."""

import contextlib
import os
import re
import shutil
from pathlib import Path

from tests.field.case import Done, case, require
from tests.field.place import CASES, Place
from tests.helpers.planted_results import PlantedResults

PICTURES = "pictures"
MATPLOTLIBRC = CASES / "plots"  # usetex, and there is no LaTeX
TRAIN = ("train", "--name", "new", "--systems", "resunet", "--set=train.steps=3")


def without_latex(place: Place) -> dict[str, str]:
    """PATH without the folders that hold LaTeX, where it is installed."""
    folders = place.environment()["PATH"].split(os.pathsep)
    return {"PATH": os.pathsep.join(f for f in folders if not shutil.which("latex", path=f))}


def trained(place: Place, **variables: str | Path) -> Done:
    """Stage 5: the last checkpoint, and again with nothing to do."""
    recipe = place.recipe()
    done = place.uss(*TRAIN, cwd=recipe, **without_latex(place) | variables)
    folder = recipe / "exp" / "new" / "resunet"
    checkpoints = sorted(path.name for path in (folder / "checkpoints").glob("step_*.pt"))
    require(done.status == 0, f"{done.short}; checkpoints: {checkpoints}")
    require("step_00000003.pt" in checkpoints, f"checkpoints: {checkpoints}; {done.short}")
    again = place.uss(*TRAIN, cwd=recipe, **without_latex(place) | variables).require_ok()
    require("all 3 steps are done" in again.said, f"again: {again.short}")
    return done


@case(
    PICTURES,
    "matplotlib#17683",
    "stage 5 with a matplotlibrc that says `text.usetex: True`, and no LaTeX",
    "the last checkpoint, then the picture, with settings of our own",
)
def usetex_in_stage_5(place: Place) -> str:
    done = trained(place, MATPLOTLIBRC=MATPLOTLIBRC)
    require(
        (place.folder / "recipe/exp/new/resunet/loss.png").exists(), f"no picture; {done.short}"
    )
    return "3 steps are done, with a picture"


@case(PICTURES, "own", "stage 5 with `MPLBACKEND=module://nowhere`", "the same")
def a_backend_that_is_not_there(place: Place) -> str:
    done = trained(place, MPLBACKEND="module://nowhere")
    require(
        (place.folder / "recipe/exp/new/resunet/loss.png").exists(), f"no picture; {done.short}"
    )
    return "3 steps are done, with a picture"


@case(
    PICTURES,
    "matplotlib#17683",
    "stage 5 where loss.png cannot be written (a folder has this name)",
    "a warning; the last checkpoint is there",
)
def a_picture_that_fails(place: Place) -> str:
    recipe = place.recipe()
    (recipe / "exp" / "new" / "resunet" / "loss.png" / "x").mkdir(parents=True)
    done = place.uss(*TRAIN, cwd=recipe)
    there = (recipe / "exp/new/resunet/checkpoints/step_00000003.pt").exists()
    require(there and done.status == 0, f"checkpoint {'' if there else 'not '}there; {done.short}")
    require(" WARNING " in done.said, f"no warning; {done.short}")
    return done.line


@case(PICTURES, "matplotlib#17683", "`sep --spectrogram` with this matplotlibrc", "pictures")
def usetex_in_separation(place: Place) -> str:
    place.wav("take_1.wav")
    variables = without_latex(place) | {"MATPLOTLIBRC": str(MATPLOTLIBRC)}
    done = place.separate("take_1.wav", "--spectrogram", **variables).require_ok()
    pictures = list((place.folder / "out").rglob("*.png"))
    require(len(pictures) == 2, f"{len(pictures)} pictures of 2; {done.short}")
    return f"{len(pictures)} pictures"


@case(
    PICTURES,
    "own",
    "`sep a.wav --spectrogram` where a picture cannot be written",
    "a warning: the sound is separated",
)
def a_spectrogram_that_fails(place: Place) -> str:
    place.wav("a.wav")
    (place.folder / "out" / "a" / "a.png" / "x").mkdir(parents=True)
    done = place.separate("a.wav", "--spectrogram").require_ok()
    require(len(place.outputs()) == 1, "no output")
    require(" WARNING " in done.said, f"no warning; {done.short}")
    return done.line


def planted(place: Place) -> Path:
    """Results as stage 7 leaves them, of two systems."""
    folder = place.folder / "recipe"
    folder.mkdir()
    with contextlib.chdir(folder):
        PlantedResults(folder).write_all()
    return folder


def report(place: Place, recipe: Path, **variables: str | Path) -> Done:
    words = ("report", "--name", "paper", "--systems", "mae_frozen", "resunet", "resunet_joint")
    return place.uss(*words, cwd=recipe, **variables)


@case(
    PICTURES,
    "matplotlib#17683",
    "stage 7's report with this matplotlibrc, over results of two systems",
    "tables and figures, results.csv first",
)
def usetex_in_stage_7(place: Place) -> str:
    recipe = planted(place)
    variables = without_latex(place) | {"MATPLOTLIBRC": str(MATPLOTLIBRC)}
    done = report(place, recipe, **variables)
    written = sorted(path.name for path in (recipe / "exp" / "paper").glob("*.*"))
    require("results.csv" in written, f"no results.csv; {done.short}")
    done.require_ok()
    require("figure2.png" in written, f"no figure2.png; {done.short}")
    return f"written: {', '.join(written)}"


@case(
    PICTURES,
    "own",
    "stage 7's report, whose classes are called `Class <0> & ...`",
    "RESULTS.md has no raw HTML of names",
)
def names_as_html_in_results(place: Place) -> str:
    recipe = planted(place)
    report(place, recipe).require_ok()
    text = (recipe / "exp" / "paper" / "RESULTS.md").read_text(encoding="utf-8")
    raw = re.search(r".{0,20}(?<!\\)<\d>.{0,20}", re.sub(r"`[^`\n]*`", "", text))
    require(not raw, f"RESULTS.md holds {raw and raw[0]!r}")
    return "escaped"


@case(
    PICTURES,
    "own",
    "figures, and then pictures and sounds of the examples, are deleted; each time stage 7 again",
    "made again, not `unchanged`",
)
def a_page_without_its_pictures(place: Place) -> str:
    recipe = planted(place)
    report(place, recipe).require_ok()
    experiment = recipe / "exp" / "paper"
    for pattern in ("figure2.png", "figure3.pdf", "examples/*/*.png", "examples/*/*.wav"):
        paths = list(experiment.glob(pattern))
        require(paths, f"the report has no {pattern}")
        for path in paths:
            path.unlink()
        done = report(place, recipe)  # or says which command makes the sounds again
        there = all(path.exists() for path in paths)
        require(there or done.sentence, f"{pattern}: still missing; {done.short}")
    return done.short
