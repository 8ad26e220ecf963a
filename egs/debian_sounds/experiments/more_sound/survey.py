"""Writes local/debian_sounds_more.csv: the recordings of packages_more.csv that rules.csv labels.

A rule is a regular expression that the beginning of a sound's path must match. The first rule that
matches gives class, group and licence. Of a group and class at most `MAX_RECORDINGS` are taken,
evenly over the paths. In the root of the repository, with the packages in a folder:

    . ./path.sh
    python -m egs.debian_sounds.experiments.more_sound.survey FOLDER
"""

import csv
import io
import re
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from uss import audio
from uss.files import write_text
from uss.tables import read_rows

from ...local.extraction import extract
from ...local.packages import Package, get_packages, read_packages
from ...local.recordings import Listed

RECIPE = Path(__file__).parents[2]
RULES = Path(__file__).with_name("rules.csv")
TABLE = RECIPE / "local" / "debian_sounds_more.csv"
MAX_RECORDINGS = 12  # of a group and a class; a class has 90 events in training
MIN_SECONDS = 0.15


class Rule(NamedTuple):
    """A line of rules.csv."""

    package: str
    pattern: str
    audioset_label: str
    finer_label: str
    group: str  # \1 stands for the pattern's first parenthesis
    licence: str


def label(rules: list[Rule], package: str, path: str, file: Path) -> Listed | None:
    """The sound's row, or None where no rule names it, or where it is short or silent."""
    for rule in rules:
        match = re.match(rule.pattern, path) if rule.package == package else None
        if match is None:
            continue
        try:
            waveform, rate = audio.decode(file)
        except audio.BadAudio as error:
            print(f"{package}: {path}: {error}")
            return None
        seconds = waveform.shape[1] / rate
        if seconds < MIN_SECONDS or not waveform.any():
            return None
        return Listed(
            rule.audioset_label,
            rule.finer_label,
            package,
            path,
            round(seconds, 2),
            rate,
            waveform.shape[0],
            rule.licence,
            match.expand(rule.group),
            benchmark=True,
            doubtful=False,
        )
    return None


def survey(package: Package, deb: Path, rules: list[Rule]) -> Iterator[Listed]:
    with tempfile.TemporaryDirectory() as folder:
        patterns = [rule.pattern for rule in rules if rule.package == package.package]
        files = extract(deb, lambda path: any(re.match(p, path) for p in patterns), Path(folder))
        of_group = defaultdict(list)
        for path, file in sorted(files.items()):
            row = label(rules, package.package, path, file)
            if row is not None:
                of_group[row.group, row.audioset_label].append(row)
    for rows in of_group.values():
        places = np.linspace(0, len(rows) - 1, min(len(rows), MAX_RECORDINGS)).round().astype(int)
        yield from (rows[place] for place in places)


def main() -> None:
    packages = read_packages(RECIPE / "local" / "packages_more.csv")
    found = get_packages(packages, Path(sys.argv[1]), download=False)
    rules = read_rows(RULES, Rule, "the repository has it: git checkout experiments")
    rows = [
        row for package in packages for row in survey(package, found[package.package].path, rules)
    ]
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(Listed._fields)
    for row in sorted(rows):
        cells = row._asdict() | {"duration_seconds": f"{row.duration_seconds:.2f}"}
        writer.writerow([*cells.values()][:-2] + [int(row.benchmark), int(row.doubtful)])
    write_text(TABLE, text.getvalue())


if __name__ == "__main__":
    main()
