"""Writes experiments/more_sound/GROUPS.md: what `labelled: large` adds to each class.

Reads data/recordings.csv and data/more/recordings.csv (stage 0 with `labelled: large`). In the
recipe's folder:

    . ../../path.sh
    python -m egs.debian_sounds.experiments.more_sound.groups
"""

from pathlib import Path

from uss.files import read_facts, write_text
from uss.reporting.results_table import Table, markdown
from uss.tables import read_table

from ...local.recordings import Recording

BENCHMARK, MORE = Path("data/recordings.csv"), Path("data/more/recordings.csv")
OUTPUT = Path("experiments/more_sound/GROUPS.md")


def cells(rows: list[Recording]) -> list[str]:
    seconds = sum(row.duration_seconds for row in rows)
    return [str(len({row.group for row in rows})), str(len(rows)), f"{seconds / 60:.1f}"]


def main() -> None:
    benchmark, more = (read_table(path, Recording) for path in (BENCHMARK, MORE))
    table = Table(
        ["class", "groups", "recordings", "minutes", "more groups", "recordings", "minutes"], []
    )
    for name in sorted({row.audioset_label for row in benchmark}):
        of_class = ([r for r in rows if r.audioset_label == name] for rows in (benchmark, more))
        table.rows.append([name, *(cell for rows in of_class for cell in cells(rows))])
    table.rows.append(["all", *cells(benchmark), *cells(more)])
    facts = read_facts(MORE)
    num_copies = sum("shares sound" in reason for reason in facts["rejected"].values())
    write_text(
        OUTPUT,
        "# Groups of each class\n\nThe benchmark's are divided among training, development and "
        "evaluation; the others only train.\n\n"
        f"{markdown(table)}\nOf {facts['num_listed']} recordings that were listed, {num_copies} "
        "are left out: their groups share sound with the benchmark.\n",
    )


if __name__ == "__main__":
    main()
