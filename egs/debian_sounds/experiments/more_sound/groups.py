"""Writes experiments/more_sound/GROUPS.md: what `labelled: large` adds to each class.

Counts what local/debian_sounds.csv and local/debian_sounds_more.csv list, before stage 0 compares
the sound itself. In the root of the repository:

    . ./path.sh
    python -m egs.debian_sounds.experiments.more_sound.groups
"""

from pathlib import Path

from uss.files import write_text
from uss.reporting.results_table import Table, markdown

from ...local.recordings import Listed, read_listed

RECIPE = Path(__file__).parents[2]
OUTPUT = Path(__file__).with_name("GROUPS.md")
TEXT = """# Groups of each class

As the two tables list them. The benchmark's groups are divided among training, development and
evaluation; the others only train. Stage 0 leaves out those that share sound with the benchmark.

"""


def used(name: str) -> list[Listed]:
    rows = read_listed(RECIPE / "local" / name)
    return [row for row in rows if row.benchmark and not row.doubtful]


def cells(rows: list[Listed]) -> list[str]:
    seconds = sum(row.duration_seconds for row in rows)
    return [str(len({row.group for row in rows})), str(len(rows)), f"{seconds / 60:.1f}"]


def main() -> None:
    benchmark, more = used("debian_sounds.csv"), used("debian_sounds_more.csv")
    header = ["class", "groups", "recordings", "minutes", "more groups", "recordings", "minutes"]
    table = Table(header, [])
    for name in sorted({row.audioset_label for row in benchmark}):
        of_class = ([r for r in rows if r.audioset_label == name] for rows in (benchmark, more))
        table.rows.append([name, *(cell for rows in of_class for cell in cells(rows))])
    table.rows.append(["all", *cells(benchmark), *cells(more)])
    write_text(OUTPUT, TEXT + markdown(table))


if __name__ == "__main__":
    main()
