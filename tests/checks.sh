#!/usr/bin/env bash
# Checks the sources without running them. Each hook of .pre-commit-config.yaml is one of the checks.
#   tests/checks.sh [shellcheck] [ruff] [ruff-format] [mypy]      default: all four
set -euo pipefail
CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
# shellcheck source=path.sh
. ./path.sh

check_shellcheck() {
    local scripts
    mapfile -d '' scripts < <(
        git ls-files -z --cached --others --exclude-standard -- '*.sh' .ci/run)
    shellcheck --external-sources --source-path=. "${scripts[@]}"
}

check_ruff() { ruff check .; }

check_ruff-format() { ruff format --check .; }

check_mypy() { mypy uss egs/*/local egs/debian_sounds/experiments; }

(( $# )) || set -- shellcheck ruff ruff-format mypy
for check; do
    case $check in
        shellcheck | ruff | ruff-format | mypy) ;;
        *)
            echo "tests/checks.sh: unknown check '$check'; known are shellcheck, ruff," \
                "ruff-format and mypy" >&2
            exit 2
            ;;
    esac
done
for check; do
    echo "$check"
    "check_$check"
done
