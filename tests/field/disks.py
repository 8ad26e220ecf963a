"""What disks and systems refuse: a good sentence, and never a verdict about the user's files."""

import shutil
from pathlib import Path

from tests.field.audio import stage_1
from tests.field.case import case, require
from tests.field.place import Place

DISKS = "disks and systems"
EIO = """#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <stdlib.h>
/* Opening a file whose name holds "refused" fails with the number in REFUSE_ERRNO. */
static int refused(const char *path) {
    if (path && strstr(path, "refused")) { errno = atoi(getenv("REFUSE_ERRNO")); return 1; }
    return 0;
}
#define OPEN(name) int name(const char *path, int flags, ...) { \\
    va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \\
    if (refused(path)) return -1; \\
    int (*real)(const char *, int, ...) = dlsym(RTLD_NEXT, #name); \\
    return real(path, flags, mode); }
OPEN(open)
OPEN(open64)
#define OPENAT(name) int name(int at, const char *path, int flags, ...) { \\
    va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \\
    if (refused(path)) return -1; \\
    int (*real)(int, const char *, int, ...) = dlsym(RTLD_NEXT, #name); \\
    return real(at, path, flags, mode); }
OPENAT(openat)
OPENAT(openat64)
"""
ERRORS = {"EIO": 5, "EACCES": 13, "EMFILE": 24, "ESTALE": 116}


def shim(place: Place) -> Path:
    source = place.folder / "refuse.c"
    source.write_text(EIO)
    return place.shim(source)


@case(
    DISKS,
    "own",
    "stage 1, where the disk answers EIO, EACCES, EMFILE, ESTALE for a clip's file",
    "the stage stops, or tries again: the clip is not rejected as bad audio",
)
def a_clip_that_the_system_refuses(place: Place) -> str:
    library = shim(place)
    place.wav("refused.wav")
    said = []
    for name, number in ERRORS.items():
        done, rejected = stage_1(
            place, {"refused.wav": 1.0}, LD_PRELOAD=library, REFUSE_ERRNO=str(number)
        )
        require(not rejected, f"{name}: {rejected}")
        require(done.status != 0 or rejected == {}, f"{name}: {done.short}")
        done.require_no_traceback()
        said.append(f"{name}: {done.line}")
        done, rejected = stage_1(place, {"refused.wav": 1.0})
        done.require_ok()
        require(not rejected, f"{name}, then without it: {rejected}")
        for path in (place.folder / "data").glob("*/waveforms/*"):
            path.unlink()
    return "; ".join(said)


@case(
    DISKS,
    "own",
    "`sep refused.wav b.wav` with these errors",
    "a line, not that it is no audio; b.wav separated",
)
def an_input_that_the_system_refuses(place: Place) -> str:
    library = shim(place)
    place.wav("refused.wav")
    place.wav("b.wav")
    for name, number in ERRORS.items():
        options = {"LD_PRELOAD": library, "REFUSE_ERRNO": str(number)}
        done = place.separate("refused.wav", "b.wav", "--output", name, **options)
        require(done.sentence, f"{name}: {done.short}")
        require(len(place.outputs(name)) == 1, f"{name}: no b.wav; {done.short}")
        require("not audio" not in done.said, f"{name}: {done.short}")
    return done.short


@case(
    DISKS,
    "own",
    "`sep a.wav --query FOLDER`, one of whose files the disk refuses (EIO)",
    "stops: an average of fewer examples is another query",
)
def an_example_that_the_system_refuses(place: Place) -> str:
    library = shim(place)
    place.wav("a.wav")
    place.wav("bells/good.wav", 0.5)
    place.wav("bells/refused.wav", 0.6)
    done = place.separate("a.wav", "--query", "bells", LD_PRELOAD=library, REFUSE_ERRNO="5")
    return done.require_sentence("refused.wav").short


@case(DISKS, "own", "stage 6 with a largest size of files (EFBIG)", "the good sentence")
def stage_6_on_a_full_disk(place: Place) -> str:
    recipe = place.recipe()
    (recipe / "exp/one/average_embeddings.h5").unlink()
    (recipe / "exp/one/panns.pt").unlink()
    done = place.uss("average_embeddings", "--name", "one", cwd=recipe, limits=("--fsize=1500",))
    left = [str(path.name) for path in (recipe / "exp").rglob(".*tmp*")]
    require(not left, f"{left} is left; {done.short}")
    return done.require_sentence("make room|larger").short


@case(DISKS, "own", "stage 6 on a disk that is full", "the good sentence")
def stage_6_without_room(place: Place) -> str:
    recipe = place.recipe()
    folder = recipe / "exp" / "two"
    with place.small_disk(folder, "400k"):
        done = place.uss(
            "train", "--name", "two", "--systems", "resunet", "--set=train.steps=1", cwd=recipe
        )
        require(done.status == 0, done.short)
        free = shutil.disk_usage(folder).free
        # room for the embeddings, none for panns.pt
        (folder / "fill").write_bytes(bytes(max(0, free - 24_000)))
        done = place.uss("average_embeddings", "--name", "two", cwd=recipe)
        return done.require_sentence("make room|larger").short


@case(
    DISKS,
    "own",
    "stage 0 of egs/mini with a largest size of files (EFBIG)",
    "the good sentence",
)
def stage_0_on_a_full_disk(place: Place) -> str:
    from tests.helpers.recipe_runs import REDUCED, copy_recipe

    recipe = copy_recipe("mini", place.folder / "clone")
    options = [word for override in REDUCED for word in ("--set", override)]
    command = ["python", "-m", "local.make_clips", "--conf", "conf", *options]
    done = place.run(*command, cwd=recipe, limits=("--fsize=100000",))
    return done.require_sentence("make room|larger").short


@case(
    DISKS,
    "h5py#1082, #1101",
    "a disk without locks (LD_PRELOAD: flock fails): `sep`, stages 1, 5 and 6",
    "works",
)
def no_locks_on_the_disk(place: Place) -> str:
    source = place.copy("h5/lockshim.c")
    library = place.shim(source)
    place.wav("a.wav")
    done = place.separate("a.wav", LD_PRELOAD=library).require_ok()
    place.separate("a.wav", "--query", "a.wav", "--save-query", "q.h5", "--output", "2",
                   LD_PRELOAD=library).require_ok()  # fmt: skip
    own, rejected = stage_1(place, {"a.wav": 1.0}, LD_PRELOAD=library)
    own.require_ok()
    recipe = place.recipe()
    place.uss("train", "--name", "new", "--systems", "frozen", "--set=train.steps=1", cwd=recipe,
              LD_PRELOAD=library).require_ok()  # fmt: skip
    place.uss("average_embeddings", "--name", "new", cwd=recipe, LD_PRELOAD=library).require_ok()
    return done.line


@case(
    DISKS,
    "own",
    "SIGTERM while stage 1 writes a part",
    "no temporary `.part_0000.*.tmp.h5` is left",
)
def a_temporary_part(place: Place) -> str:
    import os
    import signal
    import time

    stage_1(place, {})  # conf/ and data/
    place.wav("long.wav", 12.0, 192000)
    clips = "".join(f"l{n:03d},long.wav,0,12,/m/0,l{n:03d}\n" for n in range(150))
    table = place.folder / "data" / "train" / "clips.csv"
    table.write_text(table.read_text() + clips)
    process = place.start("python", "-P", "-m", "uss.bin.resample")
    end = time.monotonic() + 60
    while not list((place.folder / "data").rglob(".part*")) and process.poll() is None:
        require(time.monotonic() < end, "no part was written")
        time.sleep(0.0005)
    if process.poll() is None:
        os.kill(process.pid, signal.SIGTERM)
    process.communicate(timeout=60)
    left = [path.name for path in (place.folder / "data").rglob(".part*")]
    require(not left, f"{left} is left")
    again = place.uss("resample").require_ok()
    return again.line
