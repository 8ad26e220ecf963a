#!/usr/bin/env bash
# Runs the checks (tests/checks.sh) and pytest. Installs first what they need, also Debian's packages
# of Slurm and chromium where root runs it.
#   tests/run.sh [--fast | --all] [-- pytest's arguments]
#   --fast    without the tests marked slow
#   --all     kills 50 runs instead of 3
set -euo pipefail
CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

selection=(--durations 20)
case ${1:-} in
    --fast)  # what it lists as longer than 1.5 s is to be marked
        selection=(-m "not slow" --durations 20 --durations-min 1.5)
        shift
        ;;
    --all)
        export USS_NUM_KILLS=50
        shift
        ;;
esac
if (( $# )) && [[ $1 != -- ]]; then
    echo "tests/run.sh: unknown option '$1'; known are --fast and --all, one of them, and pytest's" \
        "arguments after --" >&2
    exit 2
fi

# shellcheck source=path.sh
. ./path.sh --install test
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1
unset -v PYTHONDONTWRITEBYTECODE  # hundreds of processes would compile all of uss again

packages=(slurmctld slurmd slurm-client munge chromium chromium-driver)
if [[ ${selection[0]} != -m ]] && (( EUID == 0 )) && type -P apt-get >/dev/null \
    && ! dpkg-query --show "${packages[@]}" >/dev/null 2>&1; then
    echo "apt-get install ${packages[*]}: a Slurm cluster and a browser of the tests' own"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --no-install-recommends "${packages[@]}"; } \
        || echo "tests/run.sh: they could not be installed; the tests that need them skip" >&2
fi

temporary=${TMPDIR:-/tmp}
free=$(df --output=avail --block-size=1M -- "$temporary" | tail -n 1)
if (( free < 3000 )); then
    echo "tests/run.sh: $temporary has $free MB left; where the tests fill it, whatever comes next" \
        "fails. They write 2,500 at most: name a larger folder in TMPDIR" >&2
fi

tests/checks.sh
python -m pytest -n 3 --dist worksteal "${selection[@]}" "${@:2}"
