#!/usr/bin/env bash
# Stage 0, in the recipe's folder: local/prepare.sh --conf conf [--set data.source=archives ...]
set -euo pipefail

# This folder is the package `local`, found also with PYTHONSAFEPATH=1.
export PYTHONPATH=.${PYTHONPATH:+:$PYTHONPATH}
exec python -m local.prepare "$@"
