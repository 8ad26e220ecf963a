"""What the tests of the shell side share: running bash, and a recipe in a folder of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATH = f"{Path(sys.executable).parent}:{os.environ['PATH']}"


def environment(**variables: str | Path) -> dict[str, str]:
    """This process's environment with its own Python first in PATH, and `variables`."""
    return os.environ | {"PATH": PATH} | {key: str(value) for key, value in variables.items()}


def bash(
    script: str, cwd: Path, *args: str, **variables: str | Path
) -> subprocess.CompletedProcess:
    """Run `script` with `args` as $1, $2, ... and `variables` in its environment."""
    return subprocess.run(
        ["bash", "-c", script, "bash", *args],
        cwd=cwd,
        env=environment(**variables),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def run(recipe: Path, *options: str) -> subprocess.CompletedProcess:
    """./run.sh of a recipe, called from elsewhere."""
    return bash('"$@"', Path("/"), str(recipe / "run.sh"), *options)


def make_recipe(folder: Path, stages: str = "") -> Path:
    """A copy of egs/mini under a folder with a space in its name.

    With `stages`, functions in bash, its run.sh runs those instead of its own.
    """
    recipe = folder / "a checkout" / "egs" / "mine"
    shutil.copytree(
        ROOT / "egs" / "mini", recipe, ignore=shutil.ignore_patterns("data", "exp", "__pycache__")
    )
    (recipe.parents[1] / "tools").symlink_to(ROOT / "tools")
    if stages:
        (recipe / "run.sh").write_text(
            "#!/usr/bin/env bash\n"
            "set -euo pipefail\n"
            'cd "$(dirname "${BASH_SOURCE[0]}")"\n'
            f'. ../../tools/stages.sh\n{stages}\nrun_stages "$@"\n'
        )
    return recipe


def executable(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path
