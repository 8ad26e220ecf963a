#!/usr/bin/env bash
# Runs shellcheck over the scripts, ruff, and pytest; installs first what they need.
#   tests/run.sh [pytest's options]
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=path.sh
. ./path.sh --install test
export OMP_NUM_THREADS=1 MKL_NUM_THREADS=1

mapfile -d '' scripts < <(
    git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run)
echo "shellcheck: ${#scripts[@]} scripts"
shellcheck --external-sources --source-path=. "${scripts[@]}"
echo "ruff"
ruff check .
if (( EUID == 0 )) && type -P apt-get >/dev/null && ! type -P chromedriver >/dev/null; then
    echo "apt-get install chromium chromium-driver: for tests of the report's page"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive \
        apt-get -qq install --no-install-recommends chromium chromium-driver; } \
        || echo "tests/run.sh: chromium could not be installed; its tests are skipped" >&2
fi
python -m pytest "$@"
