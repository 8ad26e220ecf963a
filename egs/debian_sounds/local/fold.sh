#!/usr/bin/env bash
# Runs the recipe on one fold, in a folder of its own beside the recipe's:
#   local/fold.sh FOLD [run.sh's options]        writes egs/debian_sounds_fold<FOLD>/{data,exp}
# Conf, local and the downloaded packages are the recipe's. Every random choice has the fold's
# number as its seed, except the division of the recordings, which all folds share.
set -euo pipefail
CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."

fold=${1:-}
if [[ ! $fold =~ ^[0-9]+$ ]]; then
    echo "usage: local/fold.sh FOLD [run.sh's options]; FOLD is 0 to data.num_folds - 1" >&2
    exit 2
fi
shift
recipe=$(basename "$PWD")
folder=../${recipe}_fold$fold
mkdir -p "$folder"
for name in run.sh conf local; do
    ln -sfn "../$recipe/$name" "$folder/$name"
done
options=(--set "data.fold=$fold")
if [[ -d data/packages ]]; then
    options+=(--set "data.packages=../$recipe/data/packages")
fi
for key in tagger.training.seed amae.training.seed mixtures.seed train.seed; do
    options+=(--set "$key=$fold")
done
exec "$folder/run.sh" "${options[@]}" "$@"
