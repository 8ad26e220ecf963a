#!/usr/bin/env bash
# Universal sound separation in eight stages; ./run.sh --help lists the options.
# The same file in every recipe: what is particular to one lies in its conf/ and local/.
# stages.sh gives nj, name and the arrays systems, trained (those of them that are not adopted),
# config, publish; `here` and `launch` run commands.
[ -n "${BASH_VERSION:-}" ] || exec bash "$0" "$@"  # called as `sh run.sh`
set +o posix
set -euo pipefail
# In this file's folder. Where that is no recipe it is a link's folder, or the one in which sbatch,
# which runs a copy of this file, was called.
for folder in "$(dirname -- "${BASH_SOURCE[0]}")" \
    "$(dirname -- "$(readlink -f -- "${BASH_SOURCE[0]}")")" "${SLURM_SUBMIT_DIR:-}"; do
    if [[ -e $folder/../../tools/stages.sh ]]; then
        CDPATH='' builtin cd -- "$folder"
        break
    fi
done
if [[ ! -e ../../tools/stages.sh ]]; then
    echo "run.sh: no tools/stages.sh two folders up: start it in its recipe: cd egs/mini &&" \
        "./run.sh, or sbatch ./run.sh" >&2
    exit 1
fi
# shellcheck source=tools/stages.sh
. ../../tools/stages.sh

stage_0() {  # clips and classes: all that is particular to the recipe
    here local/prepare.sh "${config[@]}"
    here python -m uss.bin.check_data "${config[@]}"
}

stage_1() {  # decodes every clip once, resamples, mixes down, packs
    launch cpu "$nj" data/log/resample python -m uss.bin.resample "${config[@]}"
    here python -m uss.bin.resample --merge "${config[@]}"
}

stage_2() {  # sound event detection, anchors, query embeddings
    launch train 1 data/log/train_detector python -m uss.bin.train_detector "${config[@]}"
    launch gpu "$nj" data/log/anchors python -m uss.bin.anchors "${config[@]}"
    here python -m uss.bin.anchors --merge "${config[@]}"
}

stage_3() {  # lists of mixtures
    here python -m uss.bin.mixtures "${config[@]}"
}

stage_4() {  # A-MAE, and its features of the listed mixtures
    launch train 1 data/log/train_amae \
        python -m uss.bin.train_amae "${config[@]}" --systems "${trained[@]}"
    launch gpu 1 data/log/probe python -m uss.bin.probe "${config[@]}" --systems "${trained[@]}"
    launch gpu "$nj" data/log/features \
        python -m uss.bin.features "${config[@]}" --systems "${trained[@]}"
    here python -m uss.bin.features --merge "${config[@]}" --systems "${trained[@]}"
}

stage_5() {  # trains the systems, a task each
    launch train "${#trained[@]}" "exp/$name/log/train" \
        python -m uss.bin.train "${config[@]}" --name "$name" --systems "${trained[@]}"
}

stage_6() {  # the average embedding of each class
    here python -m uss.bin.average_embeddings "${config[@]}" --name "$name"
}

stage_7() {  # SDR and SDRi of each mixture; tables, figures, page
    launch gpu "$nj" "exp/$name/log/evaluate" \
        python -m uss.bin.evaluate "${config[@]}" --name "$name" --systems "${systems[@]}"
    here python -m uss.bin.report "${config[@]}" --name "$name" --systems "${systems[@]}" \
        "${publish[@]}"
}

run_stages "$@"
