#!/usr/bin/env bash
# Runs shellcheck over the scripts, ruff, and pytest; installs first what they need, also Debian's
# packages of Slurm where root runs it.
#   tests/run.sh [--all] [pytest's options]      --all: kills 50 runs instead of 5
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=path.sh
. ./path.sh --install test
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

if [[ ${1:-} == --all ]]; then
    export USS_NUM_KILLS=50
    shift
fi
slurm=(slurmctld slurmd slurm-client munge)
if (( EUID == 0 )) && type -P apt-get >/dev/null \
    && ! dpkg-query --show "${slurm[@]}" >/dev/null 2>&1; then
    echo "apt-get install ${slurm[*]}: for tests on a Slurm cluster of their own"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --no-install-recommends "${slurm[@]}"; } \
        || echo "tests/run.sh: Slurm could not be installed; its tests are skipped" >&2
fi

mapfile -d '' scripts < <(
    git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run)
echo "shellcheck: ${#scripts[@]} scripts"
shellcheck --external-sources --source-path=. "${scripts[@]}"
echo "ruff"
ruff check .
python -m pytest "$@"
