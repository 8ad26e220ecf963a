"""Tables, damaged: each kind of CSV through a command or the reader that meets it first."""

import csv
import io
import shutil
from pathlib import Path

from egs.audioset.local import download, segments
from egs.debian_sounds.local import packages, recordings
from tests.helpers.audioset_recipe import CLASSES
from tests.helpers.audioset_synthetic import make_ids, make_rows, write_list
from tests.helpers.debian_recipe import RECIPE as DEBIAN_RECIPE
from tests.helpers.tiny_experiment import tiny_experiment
from tests.helpers.tiny_recipe import Recipe
from tests.mutation.campaign import Kind, Mutant
from tests.mutation.commands import entry, under_run, warm_up
from tests.mutation.damage import Rng, damaged
from tests.mutation.trial import Trial
from uss.tables import ClassPair, Clip, Event, Mixture, Result, read_table, write_table

TABLES = ("classes", "clips", "clips", "events", "forbidden_pairs", "anchors", "mixtures",
          "results", "unavailable", "segments", "debian_sounds", "packages")  # fmt: skip
CELLS = ("", " ", "0", "-1", "1e400", "nan", "inf", "99999999999999999999", "1_0", "٣", "0x10",
         "ü", "a b", "\0", '"', "'", "=1+1", "\t", "\n", "a,b", "/", "../x", "a" * 140000, "\r",
         "\ufeff", "\u202e", "None", "0.5", "1.0", "/m/0 /m/0", "/m/none")  # fmt: skip
HARMLESS = ("byte order mark", "line ends of Windows", "blank lines at the end", "no last line end",
            "quotes around all")  # fmt: skip
HARMFUL = ("cell", "cell", "cell", "cell", "bytes", "bytes", "row twice", "row missing",
           "rows swapped", "column missing", "column more", "header", "no header", "header only",
           "blank line between", "UTF-16", "Latin-1", "semicolons", "empty")  # fmt: skip


def prepare() -> Kind:
    warm_up("check_data", "mixtures", "train")
    return Kind("tables", make)


def make(rng: Rng, folder: Path) -> Mutant:
    table = str(rng.choice(TABLES))
    path, trials = place(table, folder)
    content = path.read_bytes()
    # AudioSet's lists have comments and quotes of their own: only their bytes are damaged.
    own = table == "segments"
    if rng.random() < 0.2:
        what = str(rng.choice(HARMLESS[: 4 if own else 5]))
        content = harmless(content, what)
        trials = [trial._replace(expected="ok") for trial in trials]
    else:
        what = "bytes" if own else str(rng.choice(HARMFUL))
        what, content = harmful(content, what, rng)
    path.write_bytes(content)
    return Mutant(f"{table}: {what}", trials)


def place(table: str, folder: Path) -> tuple[Path, list[Trial]]:
    """A good table in its surroundings, and what reads it."""
    read = {
        "results": lambda path: read_table(path, Result),
        "unavailable": download.read_unavailable,
        "segments": lambda path: segments.read_segments([path], CLASSES),
        "debian_sounds": recordings.read_listed,
        "packages": packages.read_packages,
    }
    if table in read:
        path = folder / f"{table}.csv"
        write_one(table, path)
        return path, [Trial("read", under_run(lambda: read[table](path)))]
    if table == "mixtures":
        recipe = tiny_experiment()
        shutil.copytree(recipe / "conf", folder / "conf")
        shutil.copytree(recipe / "data", folder / "data")
        command = entry("train", "--name", "new", "--systems", "resunet", "--set=train.steps=1")
        return folder / "data" / "mixtures" / "train.csv", [Trial("train", command)]
    recipe = Recipe(folder)
    recipe.balanced()
    conf = {"num_train": 20, "num_query_per_class": 2, "num_dev_per_class": 2}
    recipe.conf("anchors")
    recipe.conf("mixtures", **conf, num_eval_per_class=2)
    clips = read_table(folder / "data" / "eval" / "clips.csv", Clip)
    events = [
        Event(f"{clip.clip_id}:0", clip.clip_id, clip.labels.split()[0], 0.0, 0.5, clip.group)
        for clip in clips
    ]
    write_table(folder / "data" / "eval" / "events.csv", events, Event)
    recipe.anchors("eval", [], "sed_anchors")
    shutil.copy(folder / "data" / "eval" / "anchors.csv", folder / "data/eval/sed_anchors.csv")
    pairs = [ClassPair("pair0", "/m/0", "/m/1")]
    write_table(folder / "data" / "forbidden_pairs.csv", pairs, ClassPair)
    path = (
        folder
        / "data"
        / {
            "classes": "classes.csv",
            "clips": "train/clips.csv",
            "events": "eval/events.csv",
            "forbidden_pairs": "forbidden_pairs.csv",
            "anchors": "train/anchors.csv",
        }[table]
    )
    return path, [
        Trial("check_data", entry("check_data")),
        Trial("mixtures", entry("mixtures"), check_mixtures),
    ]


def check_mixtures(said: str) -> str | None:
    """Only anchors of the table, and no anchor against itself."""
    with open("data/train/anchors.csv", newline="", encoding="utf-8-sig") as file:
        known = {cells[0] for cells in csv.reader(file) if cells}
    for row in read_table("data/mixtures/train.csv", Mixture):
        if not {row.target_anchor, row.interferer_anchor} <= known:
            return f"{row} is of no anchor"
        if row.target_anchor == row.interferer_anchor:
            return f"{row} meets itself"
    return None


def write_one(table: str, path: Path) -> None:
    import numpy as np

    rng = np.random.default_rng(0)
    if table == "results":
        rows = [Result("a", "oracle", f"m{n}", "/m/0", "g", 1.0 + n, 2.0, 3.0) for n in range(5)]
        write_table(path, rows, Result)
    elif table == "unavailable":
        kind = download.Unavailable
        write_table(path, [kind(f"abcdefghij{n}", "gone", 1, "x, y") for n in range(5)], kind)
    elif table == "segments":
        write_list(path, make_rows(make_ids(20, rng), CLASSES, rng))
    else:
        lines = (DEBIAN_RECIPE / "local" / f"{table}.csv").read_bytes().splitlines(keepends=True)
        path.write_bytes(b"".join(lines[:8]))


def harmless(content: bytes, what: str) -> bytes:
    """What spreadsheets and editors do to a table."""
    match what:
        case "byte order mark":
            return b"\xef\xbb\xbf" + content
        case "line ends of Windows":
            return content.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        case "blank lines at the end":
            return content + b"\n\n"
        case "no last line end":
            return content.rstrip(b"\r\n")
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    return written(rows, quoting=csv.QUOTE_ALL)


def written(rows: list[list[str]], **options) -> bytes:
    buffer = io.StringIO(newline="")
    csv.writer(buffer, lineterminator="\n", **options).writerows(rows)
    return buffer.getvalue().encode("utf-8", "surrogatepass")


def harmful(content: bytes, what: str, rng: Rng) -> tuple[str, bytes]:
    if what == "bytes":
        name, content = damaged(content, rng)
        return f"bytes: {name}", content
    rows = list(csv.reader(io.StringIO(content.decode(), newline="")))
    row, column = int(rng.integers(1, len(rows))), int(rng.integers(len(rows[0])))
    match what:
        case "cell":
            value = CELLS[rng.integers(len(CELLS))]
            what = f"line {row + 1}, {rows[0][column]}: {value[:20]!r}"
            rows[row][column] = value
        case "row twice":
            rows.insert(row, list(rows[row]))
        case "row missing":
            del rows[row]
        case "rows swapped":
            rows[1], rows[-1] = rows[-1], rows[1]
        case "column missing":
            rows = [cells[:column] + cells[column + 1 :] for cells in rows]
        case "column more":
            rows[row].append("x")
        case "header":
            rows[0][column] += " "
        case "no header":
            del rows[0]
        case "header only":
            del rows[1:]
        case "blank line between":
            rows.insert(row, [])
        case "UTF-16":
            return what, content.decode().encode("utf-16")
        case "Latin-1":
            rows[row][column] += "é"
            return what, written(rows).decode().encode("latin-1", "replace")
        case "semicolons":
            return what, written(rows, delimiter=";")
        case "empty":
            return what, b""
    return what, written(rows)
