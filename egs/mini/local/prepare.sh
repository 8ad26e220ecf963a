#!/usr/bin/env bash
# Stage 0, in the recipe's folder: local/prepare.sh --conf conf [--set data.seed=1 ...]
set -euo pipefail

exec python local/make_clips.py "$@"
