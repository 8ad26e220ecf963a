"""Says whose recordings the clips are made of: data/ATTRIBUTION.md."""

from collections import Counter, defaultdict

from .packages import Found, Package
from .recordings import Recording

INTRODUCTION = """# Where the sounds come from

The clips in this folder are made of recordings from the packages below. Their licences differ and
some exclude each other (GPL-2 alone beside GPL-3), so a clip that holds several recordings must
not be redistributed; they are made anew on every machine. A single recording may be passed on
under its own licence, with its licence beside it. The authors stand in each package's notices.
"""


def attribution(
    recordings: list[Recording],
    packages: list[Package],
    found: dict[str, Found],
    rejected: dict[str, str],
) -> str:
    licences: dict[str, Counter[str]] = defaultdict(Counter)
    for row in recordings:
        licences[row.package][row.licence] += 1
    lines = [INTRODUCTION, "| package | file | release | recordings | licences | notices |"]
    lines.append("|---|---|---|---|---|---|")
    for package in packages:
        at_hand = found[package.package]
        of_package = licences[package.package]
        cells = [
            package.package,
            at_hand.path.name,
            package.version if at_hand.is_listed_release else "**another than listed**",
            str(of_package.total()),
            ", ".join(f"{licence} ({num})" for licence, num in sorted(of_package.items())),
            f"recordings/{package.package}/{package.notice}",
        ]
        lines.append(f"| {' | '.join(cells)} |")
    if rejected:
        lines += ["", "## Listed recordings that are left out", ""]
        lines += [f"- `{name}`: {reason}" for name, reason in sorted(rejected.items())]
    lines += ["", "## Recordings", "", "| package | path | licence | class |", "|---|---|---|---|"]
    lines += [
        f"| {row.package} | {row.path} | {row.licence} | {row.audioset_label} |"
        for row in sorted(recordings)
    ]
    return "\n".join(lines) + "\n"
