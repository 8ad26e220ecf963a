#!/usr/bin/env bash
# Stage 0, in the recipe's folder: local/prepare.sh --conf conf [--set data.source=packed ...]
set -euo pipefail

# Neighbours are found also with PYTHONSAFEPATH=1.
export PYTHONPATH=local${PYTHONPATH:+:$PYTHONPATH}
exec python local/prepare.py "$@"
