#!/usr/bin/env bash
# Runs the recipe on one fold, and keeps its small results when they are evaluated:
#   local/fold.sh FOLD [run.sh's options but --name]
# Fold 0 is the recipe's own; the others have a folder beside it, egs/debian_sounds_fold<FOLD>, with
# data and exp of their own. Conf, local and the downloaded packages are the recipe's. Results go to
# exp/fold<FOLD>, the small ones to runs/fold<FOLD> here, for uss.bin.pool. Every random choice has
# the fold's number as its seed, except the division of the recordings, which all folds share.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

fold=${1:-}
if [[ ! $fold =~ ^[0-9]+$ ]]; then
    echo "usage: local/fold.sh FOLD [run.sh's options]; FOLD is 0 to data.num_folds - 1" >&2
    exit 2
fi
shift
runs=$PWD/runs
options=(--name "fold$fold" --set "data.fold=$fold")
for key in tagger.training.seed amae.training.seed mixtures.seed train.seed; do
    options+=(--set "$key=$fold")
done
if (( fold > 0 )); then
    recipe=$(basename "$PWD")
    mkdir -p "../${recipe}_fold$fold"
    cd "../${recipe}_fold$fold"
    for name in run.sh conf local; do
        ln -sfn "../$recipe/$name" "$name"
    done
    if [[ -d ../$recipe/data/packages ]]; then
        options+=(--set "data.packages=../$recipe/data/packages")
    fi
fi
./run.sh "${options[@]}" "$@"
if [[ -e exp/fold$fold/RESULTS.md ]]; then
    # shellcheck source=path.sh
    . ../../path.sh
    python -m uss.bin.keep --name "fold$fold" --folder "$runs/fold$fold"
fi
