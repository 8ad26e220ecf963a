# shellcheck shell=bash
# Sourced by launch.sh: tasks as an array of Slurm jobs. What a site wants of sbatch stands in the
# recipe's conf/slurm.conf, a line of flags for each profile. `sbatch --wait` follows the array; all
# arrays that write to the same folder have the same name and run one after the other, so that after
# a run.sh that was killed the next one waits for its array and finds the work done.
slurm_task=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)/slurm_task.sh
slurm_submitted=''  # a file: the number of the array that run.sh waits for

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
        read -r -a words <<<"${line%%#*}"
        if (( ${#words[@]} == 0 )); then
            continue
        elif [[ " cpu gpu train " != *" ${words[0]} "* ]]; then
            option_error "conf/slurm.conf, line $number: unknown profile '${words[0]}'; known are" \
                "cpu, gpu and train"
        fi
        for word in "${words[@]:1}"; do
            if [[ $word != -?* ]]; then
                option_error "conf/slurm.conf, line $number: '$word' is no flag of sbatch; write" \
                    "--flag=value, without spaces"
            fi
        done
        if [[ ${words[0]} == "$1" ]]; then
            [[ -z $found ]] || option_error "conf/slurm.conf, line $number: a second line of '$1'"
            found=yes
            (( ${#words[@]} == 1 )) || printf '%s\n' "${words[@]:1}"
        fi
    done <conf/slurm.conf
    [[ -n $found ]] || option_error "conf/slurm.conf has no line of the profile '$1'"
}

# One name for all that writes to the folder of a log: the recipe's, and a hash of the full path,
# which ends in data/log or in exp/<name>/log.
slurm_job_name() {
    local folder recipe hash
    folder=$(CDPATH='' cd -- "$(dirname -- "$1")" && pwd -P)
    recipe=${PWD##*/}
    hash=$(sha256sum <<<"$folder")
    echo "uss-${recipe//[^A-Za-z0-9_]/-}-${hash:0:10}"
}

launch_slurm() {
    local profile=$1 num_tasks=$2 log=$3 processes=1 job_name before job status=0 pid flags
    shift 3
    # shellcheck disable=SC2154  # launch.sh sets it
    [[ $profile != train ]] || processes=$num_processes
    flags=$(slurm_flags "$profile")
    mapfile -t flags < <([[ -z $flags ]] || echo "$flags")
    job_name=$(slurm_job_name "$log")
    before=$(squeue --noheader --user="$(id -un)" --name="$job_name" --format=%i)
    if [[ -n $before ]]; then
        echo "launch: first waits for the jobs ${before//$'\n'/ } of an earlier run.sh" >&2
    fi
    slurm_submitted=$log.job
    # The flags that must not be changed come last. In the log's path % stands for itself.
    start sbatch --signal=USR2@180 "${flags[@]}" --parsable --wait --requeue --open-mode=append \
        --dependency=singleton --array="1-$num_tasks" --ntasks="$processes" \
        --job-name="$job_name" --comment="$log" --chdir="$PWD" --output="${PWD//%/%%}/$log.%a.log" \
        "$slurm_task" "$USS_ROOT" "$processes" "$num_tasks" "$@" >"$slurm_submitted"
    pid=$!
    until [[ -s $slurm_submitted ]] || ! kill -0 "$pid" 2>/dev/null; do
        sleep 0.1
    done
    job=$(submitted_job)
    if [[ -n $job ]]; then
        echo "launch: job $job, $num_tasks $profile task(s), log $log.*.log; to end it:" \
            "scancel $job" >&2
    fi
    wait "$pid" || status=$?
    collected "$pid"
    [[ -n $job ]] || return 1  # sbatch has said why
    if (( status != 0 )) && squeue --noheader --jobs="$job" --states=PENDING,RUNNING 2>/dev/null \
        | grep -q .; then
        slurm_job_lives_on  # sbatch itself was ended
        return 1
    fi
    check_slurm_tasks "$job" "$num_tasks" "$log" "$status" "$@"
    slurm_submitted=''
}

submitted_job() {
    [[ ! -s $slurm_submitted ]] || cut -d ';' -f 1 "$slurm_submitted"
}

# Every task's log must end with status 0 of this very job.
check_slurm_tasks() {
    local job=$1 num_tasks=$2 log=$3 array_status=$4 task status try failed=() first=''
    shift 4
    for (( task = 1; task <= num_tasks; task++ )); do
        for (( try = 0; try < 10; try++ )); do
            status=$(slurm_status "$log.$task.log" "${job}_$task")
            if [[ $status != unknown ]]; then
                break
            fi
            # On a shared disk the last lines may take a while to arrive.
            (( array_status != 0 && try > 0 )) || sleep 1
        done
        if [[ $status != 0 ]]; then
            failed+=("$task")
            first=${first:-$status}
        fi
    done
    if (( ${#failed[@]} )); then
        explain_failure "${failed[0]}" "$num_tasks" "$log" "$first" "$@" >&2
        echo "launch: of job $job failed: task(s) ${failed[*]}; run again, and the others find" \
            "their work done" >&2
        slurm_submitted=''
        return 1
    fi
}

# The status that the newest "# ended" line of a job tells; messages of Slurm may follow it.
slurm_status() {
    local last
    last=$(grep -a "^# ended .*, job $2, status [0-9]*\$" "$1" 2>/dev/null | tail -n 1) || :
    echo "${last:+${last##* }}" | grep . || echo "unknown"
}

slurm_job_lives_on() {
    local job
    job=$(submitted_job)
    if [[ -n $job ]]; then
        echo "run.sh: job $job lives on, and run.sh finds its work when it is run again; to end it:" \
            "scancel $job" >&2
    fi
}
