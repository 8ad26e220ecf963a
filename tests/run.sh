#!/usr/bin/env bash
# Runs shellcheck over the scripts, ruff, mypy, and pytest; installs first what they need, also Debian's
# packages of Slurm and chromium where root runs it.
#   tests/run.sh [--all] [pytest's options]      --all: kills 50 runs instead of 5
set -euo pipefail
CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=path.sh
. ./path.sh --install test
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

if [[ ${1:-} == --all ]]; then
    export USS_NUM_KILLS=50
    shift
fi
packages=(slurmctld slurmd slurm-client munge chromium chromium-driver)
if (( EUID == 0 )) && type -P apt-get >/dev/null \
    && ! dpkg-query --show "${packages[@]}" >/dev/null 2>&1; then
    echo "apt-get install ${packages[*]}: a Slurm cluster and a browser of the tests' own"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --no-install-recommends "${packages[@]}"; } \
        || echo "tests/run.sh: they could not be installed; the tests that need them skip" >&2
fi

mapfile -d '' scripts < <(
    git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run)
echo "shellcheck: ${#scripts[@]} scripts"
shellcheck --external-sources --source-path=. "${scripts[@]}"
echo "ruff"
ruff check .
ruff format --check .
echo "mypy"
mypy uss egs/*/local
for recipe in egs/*/; do  # again, with the modules that a recipe imports by their bare names
    MYPYPATH=${recipe}local mypy "${recipe}local"
done
MYPYPATH=egs/debian_sounds/local:egs/debian_sounds/experiments/scenes mypy \
    egs/debian_sounds/experiments/*/*.py
python -m pytest -n 2 --dist worksteal --durations 20 "$@"
