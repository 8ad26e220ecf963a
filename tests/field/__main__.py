"""Inputs that people report to projects like this one, each through the real command: a table.

    python -m tests.field                           # all of them: some minutes
    python -m tests.field hidden-files long-names   # by name
    python -m tests.field --group audio --group names
    python -m tests.field --list
    python -m tests.field --write                   # all, and tests/field/CASES.md

Exit status 1 where something is not right. The cases of Slurm start a cluster, which needs root and
Debian's packages; those of a full disk need root. Where a case cannot be tried, the table says why.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from importlib import import_module
from pathlib import Path

from tests.field.case import GROUPS, Case, Skip, Wrong
from tests.field.place import ROOT, Place

MODULES = ("audio", "hostile_audio", "lengths", "batches", "names", "pictures", "disks", "models",
           "checkpoints", "tables", "environments", "downloads", "archives", "locks",
           "slurm")  # fmt: skip
PAGE = ROOT / "tests" / "field" / "CASES.md"
HEAD = """# Cases from the field

Inputs of the kinds that people report to projects like this one, each through the real command.
`sep FILE` stands for `python -P -m uss separate FILE --model MODEL --class 0 --output out` with a
tiny model. The source is the public report that describes the kind; the inputs are our own.
`python -m tests.field --write` wrote this page; it tries all cases, which takes some minutes.
"""


def attempt(case: Case, keep: Path | None) -> tuple[str, str]:
    """(verdict, what came)."""
    folder = Path(tempfile.mkdtemp(prefix=f"uss-{case.name}-"))
    try:
        return "ok", str(case.try_it(Place(folder)) or "as is right")
    except Wrong as wrong:
        return "NOT", str(wrong)
    except Skip as skip:
        return "skipped", str(skip)
    except Exception as error:  # the case itself did not work: no verdict, and never "ok"
        if os.environ.get("USS_FIELD_DEBUG"):
            raise
        return "NOT", f"the case ended with {error!r}"
    finally:
        if keep is not None:
            shutil.copytree(folder, keep / case.name, symlinks=True, dirs_exist_ok=True)
        shutil.rmtree(folder, ignore_errors=True)


def cell(text: str, folder: str = tempfile.gettempdir()) -> str:
    """For a Markdown table: one line, not too long, without this machine's names."""
    text = (
        " ".join(text.split()).replace("|", "\\|").replace(str(ROOT), "…").replace(sys.prefix, "…")
    )
    words = [
        word if folder not in word else f"…/{word.rpartition('/')[2]}" for word in text.split()
    ]
    text = " ".join(words).encode("utf-8", "backslashreplace").decode()
    return text if len(text) <= 200 else text[:199] + "…"


def page(rows: list[tuple[Case, str, str]]) -> str:
    lines = [HEAD]
    for group in dict.fromkeys(case.group for case, _, _ in rows):
        head = "| case | source | input and command | right | now | verdict |"
        lines += [f"## {group}", "", head, "|---|---|---|---|---|---|"]
        for case, verdict, came in rows:
            if case.group == group:
                cells = (case.name, case.source, case.given, case.right, cell(came), verdict)
                lines.append(f"| {' | '.join(cells)} |")
        lines.append("")
    counts = [sum(verdict == word for _, verdict, _ in rows) for word in ("ok", "NOT", "skipped")]
    lines.append("{} ok, {} NOT, {} skipped.".format(*counts))
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", help="of cases")
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--list", action="store_true")
    parser.add_argument("--write", action="store_true", help="tests/field/CASES.md")
    parser.add_argument("--keep", type=Path, help="folder that gets the cases' folders")
    options = parser.parse_args()
    for module in MODULES:
        import_module(f"tests.field.{module}")
    cases = [case for group in GROUPS.values() for case in group]
    unknown = set(options.names) - {case.name for case in cases} | set(options.group) - set(GROUPS)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; --list lists the cases")
    if options.names or options.group:
        cases = [c for c in cases if c.name in options.names or c.group in options.group]
    if options.list:
        for case in cases:
            print(f"{case.group}: {case.name}: {case.given}")
        return
    rows = []
    for case in cases:
        began = time.monotonic()
        verdict, came = attempt(case, options.keep)
        rows.append((case, verdict, came))
        print(
            f"{verdict:7} {case.name} ({time.monotonic() - began:.0f} s): {cell(came)}", flush=True
        )
    if options.write:
        PAGE.write_text(page(rows), encoding="utf-8")
    print(page([]).rpartition("\n\n")[2] if not rows else page(rows).splitlines()[-1])
    sys.exit(any(verdict == "NOT" for _, verdict, _ in rows))


if __name__ == "__main__":
    main()
