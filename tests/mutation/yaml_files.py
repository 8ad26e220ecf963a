"""YAML files of the recipes' conf/, damaged, through the check that run.sh does first."""

import re
import shutil
from pathlib import Path

import yaml

from tests.helpers.tiny_experiment import ROOT
from tests.mutation.campaign import Kind, Mutant
from tests.mutation.commands import entry, warm_up
from tests.mutation.damage import Rng, damaged, damaged_tree
from tests.mutation.trial import Trial

RECIPES = ("mini", "audioset", "debian_sounds")
BETRAYING = {  # a number that YAML 1.1 reads as another one
    "octal": "010", "sexagesimal": "1:30", "octal of two": "0777", "three parts": "1:30:00",
}  # fmt: skip
HOSTILE = {
    "aliases that grow": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\n"
    + "".join(
        f"{two}: &{two} [{','.join(['*' + one] * 9)}]\n"
        for one, two in zip("bcdefgh", "cdefghi", strict=True)
    ),
    "an alias of itself": "a: &a {b: *a}\n",
    "deep": "a: " + "[" * 5000 + "]" * 5000 + "\n",
    "deep mappings": "a: " + "{a: " * 2000 + "1" + "}" * 2000 + "\n",
    "a Python object": "a: !!python/object/apply:os.system ['true']\n",
    "a Python name": "a: !!python/name:os.system\n",
    "binary": "a: !!binary aGVsbG8=\n",
    "a set": "!!set {a, b}\n",
    "a date as key": "2026-01-01: 1\n",
    "a list as key": "? [a, b]\n: 1\n",
    "a mapping as key": "? {a: b}\n: 1\n",
    "a merge": "<<: {steps: 1}\n",
    "a merge of a number": "<<: 3\n",
    "two documents": "---\na: 1\n---\nb: 2\n",
    "a list": "- a\n- b\n",
    "a text": "steps\n",
    "a number": "3\n",
    "NUL": "a: \0\n",
    "tabs": "a:\n\tb: 1\n",
    "a directive": "%YAML 9.9\n---\na: 1\n",
    "many digits": "a: " + "9" * 5000 + "\n",
    "a long key": "k" * 100000 + ": 1\n",
    "a key of control characters": '"\\e[31m\\r": 1\n',
    "comments only": "# nothing\n",
    "empty": "",
}


def prepare() -> Kind:
    warm_up("check_config")
    files = [
        (recipe, path.relative_to(ROOT / "egs" / recipe / "conf"))
        for recipe in RECIPES
        for path in sorted((ROOT / "egs" / recipe / "conf").glob("**/*.yaml"))
    ]
    return Kind("yaml_files", lambda rng, folder: make(rng, folder, files))


def make(rng: Rng, folder: Path, files: list[tuple[str, Path]]) -> Mutant:
    recipe, name = files[rng.integers(len(files))]
    for part in ("conf", "local"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "egs" / recipe / part, folder / part, ignore=ignored)
    path = folder / "conf" / name
    text = path.read_text(encoding="utf-8")
    kind = rng.choice(["tree", "tree", "tree", "bytes", "hostile", "hostile", "twice", "number"])
    expected = None
    if kind == "tree":
        what, tree = damaged_tree(yaml.safe_load(text), rng)
        content = yaml.safe_dump(tree, allow_unicode=True).encode("utf-8", "surrogatepass")
    elif kind == "bytes":
        what, content = damaged(text.encode(), rng)
    elif kind == "hostile":
        what = list(HOSTILE)[rng.integers(len(HOSTILE))]
        before = rng.random() < 0.5 and text
        content = (f"{before or ''}{HOSTILE[what]}").encode()
        if what not in ("comments only", "empty", "a merge"):
            expected = "refused"
    else:
        what, content, expected = betraying(text, str(kind), rng)
    path.write_bytes(content)
    trial = Trial("check_config", entry("check_config"), expected=expected)
    return Mutant(f"{recipe}/{name}: {what}", [trial])


def betraying(text: str, kind: str, rng: Rng) -> tuple[str, bytes, str | None]:
    """A line written twice, or a whole number in a notation that means another one."""
    lines = text.splitlines(keepends=True)
    pattern = r"\s*[a-z_]+: *\S" if kind == "twice" else r"\s*[a-z_]+: *\d+\s*(#.*)?$"
    numbers = [n for n, line in enumerate(lines) if re.match(pattern, line)]
    if not numbers:
        return "nothing", text.encode(), "ok"
    number = numbers[rng.integers(len(numbers))]
    line = lines[number]
    if kind == "twice":
        lines.insert(number, line)
        return f"twice: {line.strip()[:30]}", "".join(lines).encode(), "refused"
    what = list(BETRAYING)[rng.integers(len(BETRAYING))]
    lines[number] = re.sub(r": *\d+", f": {BETRAYING[what]}", line, count=1)
    return f"{what}: {lines[number].strip()[:30]}", "".join(lines).encode(), "refused"
