"""Names of public downloaders, and temporary faults that are not to be recorded as permanent."""

import os
from pathlib import Path

import numpy as np
import soundfile

from egs.audioset.local import download
from tests.field.case import Done, case, require
from tests.field.place import CASES, Place, need
from tests.helpers.audioset_recipe import STAGE_0, WEIGHTS, Recipe
from tests.helpers.web_server import Server
from uss.tables import read_table

DOWNLOADS = "downloads"
FAST = (
    "data.source=download",
    "data.download.seconds_between_requests=0",
    "data.download.backoff_seconds=0.01",
    "data.download.timeout_seconds=20",
)
SPLITS = ("train", "dev", "eval")


def prepare(place: Place, recipe: Recipe, *overrides: str, seconds: float = 120, **more) -> Done:
    """Stage 0 of egs/audioset."""
    none = [f"pretrained.{key}=null" for key in WEIGHTS]
    words = [word for override in (*none, *overrides) for word in ("--set", override)]
    return place.run(*STAGE_0, *words, cwd=recipe.folder, seconds=seconds, **more)


def unavailable(recipe: Recipe) -> dict[str, str]:
    """clip_id -> kind."""
    kind = download.Unavailable
    paths = [recipe.data / split / "unavailable.csv" for split in SPLITS]
    rows = [row for path in paths if path.exists() for row in read_table(path, kind)]
    return {row.clip_id: row.kind for row in rows}


def num_clips(recipe: Recipe) -> int:
    tables = [recipe.data / split / "clips.csv" for split in SPLITS]
    return sum(len(path.read_text().splitlines()) - 1 for path in tables if path.exists())


@case(
    DOWNLOADS,
    "names of public AudioSet downloaders",
    "`<id>_30.0-40.0.wav`, `id_<id>.m4a`, `.opus`, `.ogg`, `<id>.webm` in a local copy",
    "recognised; what is not used is named",
)
def names_of_public_downloaders(place: Place) -> str:
    recipe = Recipe(place.folder / "recipe")
    rows = [row for row in recipe.all_rows if not row.clip_id.startswith("Y")][:8]
    folder = recipe.data / "audioset"
    folder.mkdir(parents=True)
    forms = ("{0}_{1:.1f}-{2:.1f}.wav", "id_{0}.m4a", "{0}.opus", "{0}.ogg", "Y{0}.wav",
             "{0}_{1:.0f}_{2:.0f}.flac", "id_{0}.wav", "{0}.{1:.3f}-{2:.3f}.wav")  # fmt: skip
    missed = []
    for row, form in zip(rows, forms, strict=True):
        name = form.format(row.clip_id, row.start_seconds, row.end_seconds)
        soundfile.write(folder / "x.wav", np.zeros(100), 8000)
        (folder / "x.wav").rename(folder / name)
    (folder / "notes.opus").write_bytes(b"x")
    done = prepare(place, recipe).require_ok()
    found = {line.split(",")[0] for split in SPLITS
             for line in (recipe.data / split / "clips.csv").read_text().splitlines()}  # fmt: skip
    missed = [
        form for row, form in zip(rows[:7], forms[:7], strict=True) if row.clip_id not in found
    ]
    require(not missed, f"not recognised: {missed}; {done.line}")
    surplus = (recipe.data / "surplus.csv").read_text()
    require("notes.opus" in surplus, "notes.opus is not named in surplus.csv")
    return "recognised"


@case(
    DOWNLOADS,
    "own",
    "a local copy that holds two links to `.`",
    "ends, each file once",
)
def links_that_lead_back(place: Place) -> str:
    recipe = Recipe(place.folder / "recipe")
    folder = recipe.data / "audioset"
    folder.mkdir(parents=True)
    soundfile.write(folder / f"Y{recipe.all_rows[0].clip_id}.wav", np.zeros(100), 8000)
    for name in ("a", "b"):
        (folder / name).symlink_to(".")
    done = prepare(place, recipe, seconds=30).require_ok()
    require(num_clips(recipe) == 1, f"{num_clips(recipe)} clips; {done.short}")
    surplus = (recipe.data / "surplus.csv").read_text().splitlines()
    require(len(surplus) == 1, f"{len(surplus) - 1} files are surplus")
    return done.line


def with_program(place: Place, script: Path) -> dict[str, str]:
    """PATH with this script as yt-dlp."""
    programs = place.program("yt-dlp", script.read_text())
    need("ffmpeg")
    return {"PATH": f"{programs}{os.pathsep}{place.environment()['PATH']}"}


@case(
    DOWNLOADS,
    "yt-dlp#10482, #13930",
    "a yt-dlp of the week before, for which every video `is not available on this app`; then one "
    "that works",
    "stops early and names an old yt-dlp; nothing is written off: all clips come afterwards",
)
def a_yt_dlp_that_is_too_old(place: Place) -> str:
    recipe = Recipe(place.folder / "recipe")
    broken = with_program(place, CASES / "ytdlp" / "yt-dlp.broken")
    few = "data.download.max_failures_in_a_row=10"
    done = prepare(place, recipe, *FAST, few, **broken)
    kinds = list(unavailable(recipe).values())
    gone = kinds.count("gone")
    require(gone == 0, f"{gone} clips are gone for ever; {done.short}")
    require(done.sentence and "yt-dlp" in done.said, done.short)
    place.wav("ten.wav", 10.0)
    works = with_program(place, CASES / "ytdlp" / "yt-dlp.working")
    again = prepare(place, recipe, *FAST, few, TEN_SECONDS_WAV=place.folder / "ten.wav", **works)
    require(num_clips(recipe) == 80, f"{num_clips(recipe)} of 80 clips; {again.short}")
    return done.short


@case(
    DOWNLOADS,
    "yt-dlp#10482, #13930",
    "a yt-dlp whose errors tell of an API page: HTTP Error 404, 403, a player that is not found",
    "nothing is gone",
)
def an_api_page_that_is_not_found(place: Place) -> str:
    recipe = Recipe(place.folder / "recipe")
    for text in (
        "Unable to download API page: HTTP Error 404: Not Found (caused by <HTTPError 404>)",
        "unable to download video data: HTTP Error 403: Forbidden",
        "Requested format is not available. Use --list-formats",
        "This content isn't available, try again later.",
        "Sign in to confirm your age. This video may be inappropriate for some users.",
        "The page needs to be reloaded.",
    ):
        script = place.folder / "script"
        script.write_text(f'#!/bin/sh\necho "ERROR: [youtube] x: {text}" >&2\nexit 1\n')
        done = prepare(
            place, recipe, *FAST, "data.download.max_failures_in_a_row=5",
            "data.download.max_attempts=1", **with_program(place, script),
        )  # fmt: skip
        record = unavailable(recipe)
        if "age" not in text:  # which is about the video
            require("gone" not in record.values(), f"gone after {text[:40]!r}; {done.short}")
        for path in recipe.data.glob("*/unavailable.csv"):
            path.unlink()
    return done.short


@case(
    DOWNLOADS,
    "own",
    "a server that answers a request for the rest with another part (206, another range)",
    "not appended: the file is whole, or a failure",
)
def another_range_than_asked_for(place: Place) -> str:
    body = bytes(range(256)) * 400

    class Other(Server):
        def send(self, handler) -> None:
            if handler.headers.get("Range"):
                self.ranges.setdefault("asked", []).append(handler.headers["Range"])
                handler.send_response(206)
                handler.send_header("Content-Range", f"bytes 0-{len(body) - 1}/{len(body)}")
                handler.send_header("Content-Length", str(len(body)))
                handler.send_header("Content-Type", "application/octet-stream")
                handler.end_headers()
                handler.wfile.write(body)
            else:
                super().send(handler)

    (place.folder / "file.part").write_bytes(body[:1000])
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from uss.data.fetch import fetch, FetchError\n"
        "try:\n    fetch(sys.argv[1], Path('file'), 20)\n"
        "except FetchError as error:\n    print(error)\n"
        "    try:\n        fetch(sys.argv[1], Path('file'), 20)\n"
        "    except FetchError as again:\n        sys.exit(f'again: {again}')\n"
    )
    with Other({"file": body}) as server:
        done = place.run("python", "-c", code, server.url("file"))
    file = place.folder / "file"
    if file.exists():
        size = file.stat().st_size
        require(
            file.read_bytes() == body, f"{size} bytes of {len(body)}, of two parts; {done.short}"
        )
        return "whole"
    require(done.status == 1 and not done.traceback, done.short)
    return done.short
