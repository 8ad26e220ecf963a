# shellcheck shell=bash
# Sourced by every recipe's run.sh: its options, and the loop over its stages. `run_stages "$@"`
# calls stage_0 to stage_7 plainly, never in a condition, so that `set -e` stays in force.
unset -v POSIXLY_CORRECT GREP_OPTIONS  # they change what programs do
tools=$(CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
# shellcheck source=tools/launch.sh
. "$tools/launch.sh"

titles=("data" "resample" "anchors" "mixtures" "A-MAE" "train" "average embeddings" "evaluate")

stages=(0 1 2 3 4 5 6 7)  # those that the recipe has: all, or what conf/stages lists
stage=0
stop_stage=7
name=default
systems=()
trained=()  # those of them that are trained here: the others are adopted
stage_seconds=()  # what each stage took where the recipe was measured; empty: nobody knows
config=(--conf conf)  # what every entry point is given; --set adds to it
publish=()  # --publish: stage 7 copies its report beside the recipe's README

usage() {
    cat <<'END'
./run.sh [options]
  --stage N            first stage, 0 to 7 (default 0)
  --stop-stage N       last stage, 0 to 7 (default 7)
  --nj N               tasks at a time (default: the number of cores)
  --launcher WHERE     where tasks run: local (default), or slurm, as conf/slurm.conf says
  --num-processes N    processes that train a network together (default 1), one a GPU; the batch
                       size is theirs together, and the results are equal to float tolerance
  --systems "A B"      systems of conf/systems/, and those that uss.bin.adopt put into exp/NAME
                       (default: those of conf/default_systems, where the recipe has that file,
                       else all of conf/systems/, and where that has none, all that were adopted)
  --name NAME          results go to exp/NAME (default: default)
  --set STEM.KEY=VALUE overrides a key of conf/STEM.yaml, or of systems/STEM.yaml; repeatable
  --publish            stage 7 copies RESULTS.md and its figures beside the recipe's README
  --help               this
Stages:
END
    printf '  %d %s\n' 0 "${titles[0]}" 1 "${titles[1]}" 2 "${titles[2]}" 3 "${titles[3]}" \
        4 "${titles[4]}" 5 "${titles[5]}" 6 "${titles[6]}" 7 "${titles[7]}"
}

option_error() {
    echo "run.sh: ${*//$'\n'/ }" >&2
    exit 2
}

# Sets the variable $1 to the integer $3, which the option $2 gave, between $4 and $5.
set_integer() {
    if [[ ! $3 =~ ^(0|[1-9][0-9]{0,5})$ ]] || (( $3 < $4 || $3 > $5 )); then
        option_error "$2 takes an integer from $4 to $5, not '$3'"
    fi
    printf -v "$1" '%d' "$3"
}

set_systems() {
    local own=() adopted=() file system
    for file in conf/systems/*.yaml; do
        system=${file##*/}
        if [[ -e $file ]]; then
            own+=("${system%.yaml}")
        fi
    done
    for file in "exp/$name"/*/adopted.json; do
        system=${file%/*}
        if [[ -e $file ]]; then
            adopted+=("${system##*/}")
        fi
    done
    if [[ $# == 1 ]]; then
        read -r -a systems <<<"${1//$'\n'/ }"
    elif [[ -e conf/default_systems ]]; then
        read -r -a systems <conf/default_systems
    elif (( ${#own[@]} )); then
        systems=("${own[@]}")
    elif (( ${#adopted[@]} )); then
        systems=("${adopted[@]}")
    else
        option_error "this recipe trains no system; adopt a trained model: . ../../path.sh &&" \
            "python -m uss.bin.adopt MODEL --system SYSTEM --name $name"
    fi
    local known="conf/systems/ has: ${own[*]}"
    known+="${adopted[*]:+; adopted in exp/$name: ${adopted[*]}}"
    if (( ${#systems[@]} == 0 )); then
        option_error "--systems names no system; $known"
    fi
    for system in "${systems[@]}"; do
        if [[ " ${own[*]} " == *" $system "* ]]; then
            trained+=("$system")
        elif [[ " ${adopted[*]} " != *" $system "* ]]; then
            option_error "unknown system '$system'; $known"
        fi
    done
    if [[ -n $(printf '%s\n' "${systems[@]}" | sort | uniq -d) ]]; then
        option_error "--systems names a system twice: ${systems[*]}"
    fi
}

parse_options() {
    local wanted=() LC_ALL=C  # the same order of systems, and letters, in every language
    while (( $# )); do
        case $1 in
            --help | -h) usage; exit 0 ;;
            --publish)
                # shellcheck disable=SC2034  # run.sh reads it
                publish=("$1")
                shift
                continue
                ;;
            --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        esac
        case $1 in
            --stage | --stop-stage | --nj | --launcher | --num-processes | --systems | --name | --set) ;;
            *) option_error "unknown option '$1'; ./run.sh --help lists the options" ;;
        esac
        (( $# > 1 )) || option_error "$1 needs a value"
        case $1 in
            --stage) set_integer stage "$1" "$2" 0 7 ;;
            --stop-stage) set_integer stop_stage "$1" "$2" 0 7 ;;
            --nj) set_integer nj "$1" "$2" 1 99999 ;;
            --launcher) launcher=$2 ;;
            --num-processes) set_integer num_processes "$1" "$2" 1 999 ;;
            --systems) wanted=("$2") ;;
            --name) name=$2 ;;
            --set) check_override "$2"; config+=(--set "$2") ;;
        esac
        shift 2
    done
    if (( stop_stage < stage )); then
        option_error "--stop-stage $stop_stage comes before --stage $stage"
    fi
    case $launcher in
        local)
            (( nj < 1000 )) || option_error "--nj $nj: at most 999 tasks at a time without" \
                "--launcher slurm"
            ;;
        slurm) check_slurm ;;
        *) option_error "unknown launcher '$launcher'; known are local and slurm" ;;
    esac
    if [[ ! $name =~ ^[A-Za-z0-9_][A-Za-z0-9._-]*$ ]]; then
        option_error "--name '$name' names a folder: letters, digits, '.', '_' and '-' only"
    fi
    if [[ -e conf/stages ]]; then
        read -r -a stages <conf/stages
    fi
    set_systems "${wanted[@]}"
    # Other systems and settings take other times, and so do other machines.
    if [[ ${#wanted[@]} == 0 && ${#config[@]} == 2 && $launcher == local && -e conf/stage_seconds ]]
    then
        read -r -a stage_seconds <conf/stage_seconds
    fi
}

# Says what a stage took, and what the others took where the recipe was measured.
say_done() {
    local number rest=0 left=
    for (( number = running_stage + 1; number <= stop_stage; number++ )); do
        (( rest += ${stage_seconds[number]:-0}, 1 ))
    done
    if (( rest )); then
        left=", $(( (rest + 59) / 60 )) min left on idle cores"
    fi
    echo "=== stage $running_stage: done in $SECONDS s$left ===" >&2
}

# What --set gives must have the form STEM.KEY=VALUE, and conf/ a file of that name; whether there
# is such a key, uss.bin.check_config knows.
check_override() {
    local stem=${1%%.*}
    if [[ ! $1 =~ ^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)+= ]]; then
        option_error "--set $1: expected FILE.KEY=VALUE, such as train.steps=10"
    elif [[ ! -e conf/$stem.yaml && ! -e conf/systems/$stem.yaml ]]; then
        option_error "--set $1: conf/ has no $stem.yaml, and conf/systems/ has none either"
    elif [[ ! ${1#*=} =~ [^[:space:]] ]]; then
        option_error "--set $1: the value is missing"
    fi
}

# Says where a run ended, and when it did not get to its end, how to go on.
ended() {
    local status=$?
    end_jobs
    if (( status != 0 )) && [[ -n ${running_stage:-} ]]; then
        echo "run.sh: stage $running_stage (${titles[running_stage]}) failed after $SECONDS s," \
            "status $status; go on with --stage $running_stage and the same options" >&2
    fi
    dismiss_guardian
    exit "$status"
}

run_stages() {
    parse_options "$@"
    # shellcheck source=path.sh
    . "$tools/../path.sh" --install
    trap ended EXIT
    check_folder data
    # Stages 0 to 4 write to data/, the later ones to exp/: trainings of another name may go on.
    (( stage > 4 )) || lock_folder data
    (( stop_stage < 5 )) || lock_folder "exp/$name"
    here python -m uss.bin.check_config "${config[@]}"
    echo "run.sh: $PWD, stages $stage to $stop_stage, name $name, systems ${systems[*]}," \
        "$(command -v python)" >&2
    for (( running_stage = stage; running_stage <= stop_stage; running_stage++ )); do
        SECONDS=0
        echo "=== stage $running_stage: ${titles[running_stage]} ===" >&2
        if [[ " ${stages[*]} " != *" $running_stage "* ]]; then
            echo "run.sh: this recipe has stages ${stages[*]} alone" >&2
            continue
        elif (( running_stage == 4 || running_stage == 5 )) && (( ${#trained[@]} == 0 )); then
            echo "run.sh: nothing to train: adopted are ${systems[*]}" >&2
            continue
        fi
        "stage_$running_stage"
        say_done
    done
    running_stage=
}
