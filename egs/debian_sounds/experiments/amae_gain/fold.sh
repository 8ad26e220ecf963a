#!/usr/bin/env bash
# Runs the recipe on one fold, and keeps its small results when they are evaluated:
#   experiments/amae_gain/fold.sh FOLD [SEED] [run.sh's options but --name]
# Fold 0 is the recipe's own; the others have a folder beside it, egs/debian_sounds_fold<FOLD>, with
# data and exp of their own. Conf, local and the downloaded packages are the recipe's. Results go to
# exp/fold<FOLD>, the small ones to runs/fold<FOLD> beside this file, for uss.bin.pool_results. Every random
# choice has the fold's number as its seed, except the division of the recordings, which all folds
# share. With SEED the separators have that one, and the name fold<FOLD>_seed<SEED>: another training
# of the same.
set -euo pipefail
CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

fold=${1:-}
if [[ ! $fold =~ ^[0-9]+$ ]]; then
    echo "usage: fold.sh FOLD [SEED] [run.sh's options]; FOLD is 0 to data.num_folds - 1" >&2
    exit 2
fi
shift
seed=$fold
name=fold$fold
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seed=$1
    name+=_seed$seed
    shift
fi
runs=$PWD/experiments/amae_gain/runs
options=(--name "$name" --set "data.fold=$fold" --set "train.seed=$seed")
for key in detector.training.seed amae.training.seed mixtures.seed; do
    options+=(--set "$key=$fold")
done
if (( fold > 0 )); then
    recipe=$(basename "$PWD")
    mkdir -p "../${recipe}_fold$fold"
    cd "../${recipe}_fold$fold"
    for shared in run.sh conf local experiments; do
        ln -sfn "../$recipe/$shared" "$shared"
    done
    if [[ -d ../$recipe/data/packages ]]; then
        options+=(--set "data.packages=../$recipe/data/packages")
    fi
fi
if [[ -e $runs/$name ]]; then
    echo "fold.sh: $runs/$name is kept already, of the settings of its time; move it to keep another" >&2
    exit 1
fi
./run.sh "${options[@]}" "$@"
if [[ -e exp/$name/RESULTS.md ]]; then
    # shellcheck source=path.sh
    . ../../path.sh
    python -m uss.bin.keep_results --name "$name" --folder "$runs/$name"
fi
