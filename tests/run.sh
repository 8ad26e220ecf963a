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
# The report's page is tested in a browser.
command -v chromedriver >/dev/null || apt-get install --yes chromium chromium-driver ||
    echo "chromium and chromium-driver cannot be installed: tests of the page will be skipped"
python -m pytest "$@"
