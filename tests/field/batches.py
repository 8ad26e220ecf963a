"""One file's trouble is one line; what a run leaves when it ends early, or meets another one."""

import json
import os
import re
import signal
import time

import numpy as np

from tests.field.case import Skip, Wrong, case, require
from tests.field.place import Place

BATCHES = "batches"


@case(
    BATCHES,
    "UVR#2057",
    "`sep long.wav short.wav` into a disk of 400 kB, on which only the second one has room",
    "a line for the first, the second is separated, status 1",
)
def a_full_disk(place: Place) -> str:
    place.wav("long.wav", 40.0)
    place.wav("short.wav", 1.0)
    with place.small_disk(place.folder / "out", "400k"):
        done = place.separate("long.wav", "short.wav")
        require(done.sentence, done.short)
        require(any("short" in name for name in place.outputs()), f"no short.wav; {done.short}")
        left = [p.name for p in (place.folder / "out").rglob("*.tmp.*")]
        require(not left, f"{left} is left behind")
    return done.short


@case(BATCHES, "UVR#2057", "`sep a.wav` with a largest size of files (EFBIG)", "one line")
def the_largest_file_size(place: Place) -> str:
    place.wav("a.wav", 10.0)
    place.wav("b.wav", 0.5)
    done = place.separate("a.wav", "b.wav", limits=("--fsize=100000",)).require_sentence("a.wav")
    require(any("b_" in name for name in place.outputs()), f"no b.wav; {done.short}")
    return done.short


@case(
    BATCHES,
    "own",
    "an output cut to 0 bytes, then `sep` again",
    "separated again: the record holds sizes",
)
def an_output_of_no_bytes(place: Place) -> str:
    place.wav("a.wav")
    place.separate("a.wav").require_ok()
    path = next((place.folder / "out").rglob("a_*.wav"))
    path.write_bytes(b"")
    done = place.separate("a.wav").require_ok()
    require(path.stat().st_size > 0, f"still 0 bytes; {done.short}")
    return done.short


@case(
    BATCHES,
    "own",
    "two files that are done, again with `--spectrogram` where no picture can be written",
    "counts that are right",
)
def minus_two_separated(place: Place) -> str:
    for name in ("a", "b"):
        place.wav(f"{name}.wav")
    place.separate("a.wav", "b.wav").require_ok()
    for name in ("a", "b"):
        for path in (place.folder / "out" / name).glob("*_class_0.wav"):
            path.with_suffix(".png").mkdir()
            (path.with_suffix(".png") / "x").touch()  # a folder that no file can replace
    done = place.separate("a.wav", "b.wav", "--spectrogram").require_no_traceback()
    counts = re.search(r"-?\d+ separated, -?\d+ skipped as done, -?\d+ failed", done.said)
    require(counts and "-" not in counts[0], counts[0] if counts else done.short)
    return counts[0]


@case(BATCHES, "own", "two `sep` of one file into one folder at the same time", "whole outputs")
def two_runs_on_one_output(place: Place) -> str:
    place.wav("a.wav", 60.0)
    place.separate("a.wav", "--output", "alone").require_ok()
    processes = [place.start(*place.separate_command("a.wav")) for _ in range(2)]
    said = [process.communicate(timeout=120)[0].decode() for process in processes]
    statuses = [process.returncode for process in processes]
    require(0 in statuses, f"status {statuses}: {said[0].splitlines()[-1]}")
    require(not any("Traceback" in text for text in said), f"traceback; status {statuses}")
    for text, status in zip(said, statuses, strict=True):
        require(status == 0 or "another" in text, f"status {status}: {text.splitlines()[-1]}")
    (mine,), (theirs,) = place.outputs().values(), place.outputs("alone").values()
    require(np.array_equal(mine[0], theirs[0]), "the output is another one")
    require(not list((place.folder / "out").rglob(".*tmp*")), "temporary files are left")
    return f"status {statuses}"


def interrupted(place: Place, number: signal.Signals) -> str:
    """A signal while the output is written."""
    place.wav("a.wav", 600.0)
    process = place.start(*place.separate_command("a.wav"))
    end = time.monotonic() + 60
    while not list((place.folder / "out").rglob(".*tmp*")):
        if process.poll() is not None or time.monotonic() > end:
            raise Skip("it was over before the signal")
        time.sleep(0.01)
    os.kill(process.pid, number)
    said = process.communicate(timeout=60)[0].decode()
    left = [path.name for path in (place.folder / "out").rglob(".*tmp*")]
    last = (said.splitlines() or ["nothing is said"])[-1]
    require(not left, f"{left} is left behind; status {process.returncode}")
    require("Traceback" not in said, f"traceback; {last}")
    return f"status {process.returncode}: {last}"


@case(BATCHES, "own", "SIGTERM while `sep` writes", "no `.a.tmp.wav` is left")
def ended_by_sigterm(place: Place) -> str:
    return interrupted(place, signal.SIGTERM)


@case(BATCHES, "own", "Ctrl-C while `sep` writes", "nothing is left, and no traceback")
def ended_by_ctrl_c(place: Place) -> str:
    return interrupted(place, signal.SIGINT)


@case(
    BATCHES,
    "own",
    "SIGTERM while an ffmpeg (which stands still) decodes for `sep`",
    "ffmpeg ends with it",
)
def an_ffmpeg_that_outlives(place: Place) -> str:
    note = place.folder / "ffmpeg.pid"
    programs = place.program("ffmpeg", f"#!/bin/sh\necho $$ >'{note}'\nexec sleep 100\n")
    (place.folder / "a.mkv").write_bytes(b"\x1a\x45\xdf\xa3" + bytes(5000))
    path = f"{programs}:{place.environment()['PATH']}"
    process = place.start(*place.separate_command("a.mkv"), PATH=path)
    end = time.monotonic() + 60
    while not (note.exists() and note.read_text().endswith("\n")):
        if process.poll() is not None or time.monotonic() > end:
            process.kill()
            raise Skip("ffmpeg was not started")
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGTERM)
    process.wait(timeout=60)
    time.sleep(0.5)
    child = int(note.read_text())
    try:
        os.kill(child, signal.SIGKILL)
    except ProcessLookupError:
        return "both have ended"
    raise Wrong("ffmpeg still runs")


@case(BATCHES, "own", "`uss classes --model MODEL | true`", "no traceback")
def a_closed_pipe(place: Place) -> str:
    command = f"python -P -m uss classes --model '{place.model}' | true"
    done = place.run("bash", "-c", command)
    require("rror" not in done.said, done.short)
    return "nothing is said"


@case(
    BATCHES,
    "own",
    "`sep a.wav b.wav` with too little memory for a.wav, which has 60 channels at 192 kHz",
    "a sentence about memory, and b.wav is separated",
)
def out_of_memory(place: Place) -> str:
    import soundfile

    soundfile.write(place.folder / "a.wav", np.full((3 * 192000, 60), 0.1), 192000)
    place.wav("b.wav")
    measure = "import uss.separation.batch; print(open('/proc/self/status').read())"
    needed = place.run("python", "-P", "-c", measure).said
    kilobytes = int(needed.split("VmData:")[1].split()[0])
    limit = (kilobytes + 150_000) * 1024
    done = place.separate("a.wav", "b.wav", limits=(f"--data={limit}",), seconds=200)
    require(done.sentence and "memory" in done.said.lower(), done.short)
    require(any("b_" in name for name in place.outputs()), f"no b.wav; {done.short}")
    return done.short


@case(
    BATCHES,
    "own",
    "`uss separate a.wav --save-query` by a query with a value that is not finite",
    "refused",
)
def a_saved_query_of_nan(place: Place) -> str:
    import h5py

    place.wav("a.wav")
    place.wav("bell.wav", 0.5)
    place.separate("a.wav", "--query", "bell.wav", "--save-query", "q.h5").require_ok()
    with h5py.File(place.folder / "q.h5", "r+") as file:
        file["query"][0] = np.nan
    done = place.separate("a.wav", "--query", "q.h5", "--residual", "--output", "nan")
    record = list((place.folder / "nan").rglob("separation.json"))
    require(done.sentence and not record, f"{done.short} {_peaks(place)}")
    return done.short


def _peaks(place: Place) -> str:
    return json.dumps([float(np.abs(x).max()) for x, _ in place.outputs("nan").values()])
