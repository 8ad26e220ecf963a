#!/usr/bin/env bash
# Short trainings of resunet_joint on 2,400 mixtures: the settings of experiments/amae_gain, each
# change of them alone, and all of them. Each is measured on the development list, five minutes of
# one core. Before it: ./run.sh --stop-stage 3
#   experiments/training/short.sh [NAME ...]
# Without names, all of them, and tuning.csv of those that are done.
set -euo pipefail
CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")/../.."

before=(
    train.steps=300 train.batch_size=8 train.loss=l1 train.weights_average=0 train.log_steps=25
    train.augmentation.polarity=false train.augmentation.shift_seconds=0
    train.augmentation.tilt_db=0 train.augmentation.speed=0
    resunet_joint.query_from=target resunet_joint.transposed_gain=1
)
all_names=(before loss query gain batch average augmentation all)
declare -A change=(
    [before]=""
    [loss]="train.loss=sdr"
    [query]="resunet_joint.query_from=class"
    [gain]="resunet_joint.transposed_gain=2"
    [batch]="train.steps=600 train.batch_size=4"
    [average]="train.weights_average=0.998"
    [augmentation]="train.augmentation.polarity=true train.augmentation.shift_seconds=0.5
        train.augmentation.tilt_db=12 train.augmentation.speed=0.25"
)
change[all]="${change[loss]} ${change[query]} ${change[gain]} ${change[batch]} ${change[average]}
    ${change[augmentation]}"

names=("$@")
if (( ${#names[@]} == 0 )); then
    names=("${all_names[@]}")
fi
for name in "${names[@]}"; do
    options=()
    read -ra of_name <<< "${change[$name]//$'\n'/ }"
    for setting in "${before[@]}" "${of_name[@]}"; do
        options+=(--set "$setting")
    done
    ./run.sh --stage 5 --nj 1 --name "short_$name" --systems resunet_joint \
        "${options[@]}" --set evaluate.split=dev
done
# shellcheck source=path.sh
. ../../path.sh
done_names=()
for name in "${all_names[@]}"; do
    if [[ -e exp/short_$name/table1_dev.md ]]; then
        done_names+=("short_$name")
    fi
done
python experiments/training/tuning.py --names "${done_names[@]}" \
    --output experiments/training/tuning.csv
