"""Packages for egs/debian_sounds that would hang, or hold what cannot be read."""

from tests.field.case import case, require
from tests.field.place import CASES, Place

ARCHIVES = "archives"
EXTRACT = """
import sys
from pathlib import Path
from egs.debian_sounds.local.extraction import extract
from uss.command import run
def wanted(path):
    return not path.endswith((".rcc", ".zip", ".pk3", ".cat"))
run(lambda argv: print(len(extract(Path(sys.argv[1]), wanted, Path("out"))), "files"))
"""
WHAT = {
    "ar_neg60": "a header of ar whose size is -60",
    "dirfile": "a file, and files below it",
    "emptyname": "a member without a name",
    "fz_zip_053": "a damaged zip member",
    "fz_zip_143": "another damaged zip member",
    "rcc_cycle": "a Qt resource that contains itself",
    "rcc_dag": "a Qt resource of folders that share their children",
    "zip_enc": "an encrypted zip member",
}


def register(name: str, what: str) -> None:
    def extracted(place: Place) -> str:
        package = CASES / "archives" / f"{name}.deb"
        memory = ("--data=3000000000",)
        done = place.run(
            "python", "-P", "-c", EXTRACT, package, seconds=10, limits=memory
        ).require_no_traceback()
        written = [path for path in place.folder.rglob("*") if path.is_file()]
        outside = [path for path in written if place.folder / "out" not in path.parents]
        require(not outside, f"{outside} outside the folder")
        require(done.status == 0 or done.sentence, done.short)
        return f"{len(written)} files; {done.short}"

    extracted.__name__ = f"archive_{name}"
    right = "a sentence, or a warning and the rest"
    case(ARCHIVES, "own", f"`{name}.deb`: {what}", right)(extracted)


for _name, _what in WHAT.items():
    register(_name, _what)
