#!/usr/bin/env bash
# Trains a pair, resunet_joint and mae_film from one seed, and keeps its small results:
#   experiments/film_gain/pair.sh SEED [run.sh's options but --name]
# On the development list; once more with --set evaluate.split=eval, when all pairs are trained,
# and nothing but that list is new. Data, detector, lists and A-MAE are the same for all pairs. They
# go to exp/pair<SEED>, the small results to runs/pair<SEED> beside this file, for
# uss.bin.pool_results. --systems names more than the pair.
set -euo pipefail
CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

seed=${1:-}
if [[ ! $seed =~ ^[0-9]+$ ]]; then
    echo "usage: pair.sh SEED [run.sh's options]" >&2
    exit 2
fi
shift
./run.sh --name "pair$seed" --systems "resunet_joint mae_film" \
    --set data.labelled=large --set data.unlabelled=large \
    --set amae.training.steps=20000 --set amae.training.decay_steps=4000 \
    --set "train.seed=$seed" --set train.dev_steps=100 --set evaluate.split=dev "$@"
if [[ -d exp/pair$seed/mae_film/results_dev ]]; then
    # shellcheck source=path.sh
    . ../../path.sh
    python -m uss.bin.keep_results --name "pair$seed" --folder "$PWD/experiments/film_gain/runs/pair$seed"
fi
