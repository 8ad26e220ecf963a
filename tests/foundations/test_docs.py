"""Every link of the documentation leads somewhere, and every fault names a test that is there."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def pages() -> list[str]:
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    return listed.stdout.splitlines()


def anchors(page: Path) -> set[str]:
    """As GitHub makes them of headings."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", pages())
def test_links_lead_somewhere(page):
    text = re.sub(r"```.*?```", "", (ROOT / page).read_text(encoding="utf-8"), flags=re.S)
    for target in LINK.findall(text):
        if target.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = target.partition("#")
        linked = (ROOT / page).parent / path if path else ROOT / page
        assert linked.exists(), f"{page}: {target}"
        assert not anchor or anchor in anchors(linked), f"{page}: {target}"


def test_every_fault_has_its_test():
    table = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
    rows = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert len(rows) > 60
    for row in rows:
        tests = re.findall(r"`([\w/]+\.py)`", row.rsplit("|", 2)[1])
        assert tests, row
        for test in tests:
            assert (ROOT / "tests" / test).exists(), test


def test_the_readme_of_debian_sounds_quotes_its_results():
    recipe = ROOT / "egs" / "debian_sounds"
    experiments = recipe / "experiments"
    names = ("small_sets", "training/runs/final", "amae_gain")
    folders = [recipe, *(experiments / name for name in names)]
    pairs, small, final, before = (
        (folder / "RESULTS.md").read_text(encoding="utf-8") for folder in folders
    )
    lines = (recipe / "README.md").read_text(encoding="utf-8").splitlines()
    table = [line for line in lines if line.startswith("| `")]
    origins = (small, small, pairs, pairs, final, before, before)
    assert len(table) == len(origins)
    for line, results in zip(table, origins, strict=True):
        numbers = re.findall(r"-?\d+\.\d\d|\d+ %", line)
        assert len(numbers) >= 3
        for number in numbers:
            assert number in results, number
