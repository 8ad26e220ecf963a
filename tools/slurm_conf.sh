# shellcheck shell=bash
# Sourced by slurm.sh: conf/slurm.conf, a line of flags of sbatch for each profile of tasks.

# Flags that run.sh itself gives to sbatch, or that would make it something else than it needs.
slurm_own_flags=" array chdir dependency error help job-name no-requeue ntasks open-mode output"
slurm_own_flags+=" parsable requeue test-only usage version wait wrap "
slurm_own_letters="aDdehJnoVW"

# Exits with 2 where conf/slurm.conf is not as it should be.
check_slurm() {
    local profile
    if ! type -P sbatch >/dev/null; then
        option_error "--launcher slurm: there is no sbatch here; start run.sh on a login node"
    elif [[ ! -r conf/slurm.conf ]]; then
        option_error "--launcher slurm: conf/slurm.conf is missing; copy another recipe's"
    fi
    for profile in cpu gpu train; do
        slurm_flags "$profile" >/dev/null
    done
}

# The flags of a profile, one a line.
slurm_flags() {
    local line words word number=0 found=''
    while read -r line || [[ -n $line ]]; do
        (( number += 1 ))
        (( number > 1 )) || line=${line#$'\xef\xbb\xbf'}  # as some editors begin a file
        line=${line%$'\r'}  # and some end a line
        [[ $line != '#'* ]] || continue
        read -r -a words <<<"${line%%[[:space:]]#*}"
        if (( ${#words[@]} == 0 )); then
            continue
        elif [[ " cpu gpu train " != *" ${words[0]} "* ]]; then
            option_error "conf/slurm.conf, line $number: unknown profile '${words[0]}'; known are" \
                "cpu, gpu and train"
        fi
        for word in "${words[@]:1}"; do
            check_slurm_flag "$number" "$word"
        done
        if [[ ${words[0]} == "$1" ]]; then
            [[ -z $found ]] || option_error "conf/slurm.conf, line $number: a second line of '$1'"
            found=yes
            (( ${#words[@]} == 1 )) || printf '%s\n' "${words[@]:1}"
        fi
    done <conf/slurm.conf
    [[ -n $found ]] || option_error "conf/slurm.conf has no line of the profile '$1'"
}

check_slurm_flag() {
    local place="conf/slurm.conf, line $1" word=$2 name
    case $word in
        *[[:cntrl:]]*) option_error "$place: ${word@Q} holds a control character" ;;
        *[\'\"\`\\\$]*)
            option_error "$place: $word holds a quote, '\\' or '\$', which mean nothing here:" \
                "write --flag=value as sbatch is to see it"
            ;;
        --?* | -[!-]*) ;;
        *)
            option_error "$place: '$word' is no flag of sbatch; write --flag=value, without spaces"
            ;;
    esac
    name=${word#--}
    name=${name%%=*}
    if [[ ($word == --* && $slurm_own_flags == *" $name "*) \
        || ($word != --* && $slurm_own_letters == *"${word:1:1}"*) ]]; then
        option_error "$place: run.sh itself says '${word%%=*}' to sbatch; take it out"
    fi
}
