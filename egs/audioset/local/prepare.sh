#!/usr/bin/env bash
# Stage 0, in the recipe's folder: local/prepare.sh --conf conf [--set data.source=packed ...]
set -euo pipefail

exec python local/prepare.py "$@"
