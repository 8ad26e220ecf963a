# shellcheck shell=bash
# Sourced by launch.sh: tasks as an array of Slurm jobs, or several where the site's arrays are
# smaller. What a site wants of sbatch stands in the recipe's conf/slurm.conf, a line of flags for
# each profile. `sbatch --wait` follows an array; all arrays that write to the same folder have the
# same name and run one after the other, so that after a run.sh that was killed the next one waits
# for its array and finds the work done.
slurm_task=$(CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)/slurm_task.sh
slurm_submitted=''  # a file: what sbatch says of the array that run.sh waits for

# shellcheck source=tools/slurm_conf.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/slurm_conf.sh"

# What a site or a job around run.sh says to Slurm's programs by variables would change what is
# submitted, or what is seen of it: SBATCH_EXPORT=NONE hides this Python from the tasks, the
# SLURM_MEM_PER_NODE of salloc contradicts --mem-per-cpu. Those that say where, for how long and on
# whose account stay; all else stands in conf/slurm.conf.
forget_slurm_variables() {
    local variable
    for variable in "${!SBATCH_@}" "${!SLURM_@}" "${!SRUN_@}" "${!SQUEUE_@}" "${!SCONTROL_@}"; do
        case $variable in
            SLURM_CONF | SLURM_JWT | SLURM_CLUSTERS | SBATCH_CLUSTERS) ;;
            SBATCH_ACCOUNT | SBATCH_PARTITION | SBATCH_QOS | SBATCH_CONSTRAINT) ;;
            SBATCH_RESERVATION | SBATCH_TIMELIMIT | SBATCH_WCKEY) ;;
            *) unset -v "$variable" ;;
        esac
    done
}

# Runs one of Slurm's programs until it succeeds, five times at most: its controller may be busy.
ask_slurm() {
    local try
    for try in 1 2 3 4 5; do
        if "$@" 2>/dev/null; then
            return
        fi
        sleep "$try"
    done
    return 1
}

# The user's jobs that squeue lists, on one line. A site's greeting is no job.
slurm_jobs() {
    local jobs
    jobs=$(ask_slurm squeue --noheader --user="$(id -un)" --format='job: %i' "$@") || return
    sed -n 's/^job: //p' <<<"$jobs" | paste -sd ' '
}

# One name for all that writes to the folder of a log: the recipe's, and a hash of the full path,
# which ends in data/log or in exp/<name>/log.
slurm_job_name() {
    local folder recipe hash
    folder=$(CDPATH='' builtin cd -- "$(dirname -- "$1")" && pwd -P)
    recipe=${PWD##*/}
    hash=$(sha256sum <<<"$folder")
    echo "uss-${recipe//[^A-Za-z0-9_]/-}-${hash:0:10}"
}

launch_slurm() {
    local profile=$1 num_tasks=$2 log=$3 processes=1 job_name before flags size first
    shift 3
    # shellcheck disable=SC2154  # launch.sh sets it
    [[ $profile != train ]] || processes=$num_processes
    flags=$(slurm_flags "$profile")
    mapfile -t flags < <([[ -z $flags ]] || echo "$flags")
    forget_slurm_variables
    job_name=$(slurm_job_name "$log")
    if ! before=$(slurm_jobs --name="$job_name"); then
        echo "launch: squeue does not answer; jobs of an earlier run.sh may come first" >&2
    elif [[ -n $before ]]; then
        echo "launch: first waits for the jobs $before of an earlier run.sh" >&2
    fi
    size=$(array_size "$num_tasks")
    run_array 0 1 "$(( num_tasks < size ? num_tasks : size - 1 ))" "$@"
    for (( first = size; first <= num_tasks; first += size )); do
        run_array "$first" 0 "$(( num_tasks - first < size ? num_tasks - first : size - 1 ))" \
            "$@"
    done
    slurm_submitted=''
}

# The indices of an array, from 0: enough for all of num_tasks where the site allows it, else a power
# of ten, so that the first digits of a task's number are its array and the others its index there.
array_size() {
    local allowed size=10
    allowed=$(ask_slurm scontrol show config | sed -n 's/^MaxArraySize *= *\([0-9]*\)$/\1/p') || :
    if (( ${allowed:-0} == 0 || allowed > $1 )); then
        echo "$(( $1 + 1 ))"
        return
    fi
    while (( size * 10 <= allowed )); do
        (( size *= 10 ))
    done
    echo "$size"
}

# One array, of the tasks `offset` + FIRST to LAST, with launch_slurm's variables.
run_array() {
    local offset=$1 first=$2 last=$3 job='' pid status=0 try
    shift 3
    slurm_submitted=$log.job
    rm -f "$slurm_submitted.errors"  # of a run.sh that was killed
    for try in 1 2 3; do
        submit "$@"
        if [[ -n $job || $try == 3 ]] || ! is_hiccup; then
            break
        fi
        show_errors
        echo "launch: once more, in $(( 5 * try )) s" >&2
        sleep $(( 5 * try ))
    done
    show_errors
    [[ -n $job ]] || return 1
    echo "launch: job $job, $profile task(s) $(( offset + first )) to $(( offset + last )) of" \
        "$num_tasks, log $log.*.log; to end it: $(scancel_command)" >&2
    wait "$pid" || status=$?
    collected "$pid"
    job=$(submitted_job)  # a site's greeting that is a number may have come first
    show_errors
    rm -f "$slurm_submitted.errors"
    if (( status != 0 )) && [[ " $(slurm_jobs --name="$job_name" --states=PENDING,RUNNING) " \
        == *" $job"[_\ ]* ]]; then
        slurm_job_lives_on  # sbatch itself was ended
        return 1
    fi
    check_slurm_tasks "$status" "$@"
}

# Starts an sbatch that follows its array, as process `pid`, with run_array's variables. Returns
# once it has said the array's number, into `job`, or has ended without one.
submit() {
    # Before the flags of conf/slurm.conf stands what they may change: limits are the nodes', not
    # those of this shell (--propagate). In the log's path % stands for itself, and %3a for an index
    # in three digits.
    local number=%a
    (( offset == 0 )) || number=$(( offset / size ))%$(( ${#size} - 1 ))a
    start sbatch --signal=USR2@180 --propagate=NONE "${flags[@]}" --parsable --wait --requeue \
        --open-mode=append --dependency=singleton --array="$first-$last" --ntasks="$processes" \
        --job-name="$job_name" --chdir="$PWD" --output="${PWD//%/%%}/$log.$number.log" \
        "$slurm_task" "$USS_ROOT" "$(dirname -- "$(type -P python)")" "$processes" "$offset" \
        "$num_tasks" "$@" >"$slurm_submitted" 2>>"$slurm_submitted.errors"
    pid=$!
    while kill -0 "$pid" 2>/dev/null && [[ -z $(submitted_job) ]]; do
        sleep 0.1
    done
    job=$(submitted_job)
    if [[ -z $job ]]; then
        wait "$pid" || :
        collected "$pid"
    fi
}

# Whether sbatch has ended without reaching its controller, and so has submitted nothing.
is_hiccup() {
    grep -qa 'Unable to contact slurm controller' "$slurm_submitted.errors"
}

# Shows what sbatch has said, once.
show_errors() {
    cat "$slurm_submitted.errors" >&2
    : >"$slurm_submitted.errors"
}

# The last line of sbatch's that is a number, or number;cluster. A site may print other lines.
submission() {
    [[ ! -s $slurm_submitted ]] \
        || tr -d '\r' <"$slurm_submitted" | grep -aE '^[0-9]+(;[^;]*)?$' | tail -n 1
}

submitted_job() {
    local line
    line=$(submission) || :
    echo "${line%%;*}"
}

scancel_command() {
    local line
    line=$(submission) || :
    if [[ $line == *?';'?* ]]; then
        echo "scancel --clusters=${line#*;} ${line%;*}"
    else
        echo "scancel ${line%;*}"
    fi
}

# Every task's log must end with status 0 of this very job; with run_array's variables.
check_slurm_tasks() {
    local array_status=$1 index status patience=10 failed=() status_of_first=''
    shift
    # On a shared disk the last lines may take a while to arrive.
    (( array_status == 0 )) || patience=1
    for (( index = first; index <= last; index++ )); do
        status=$(slurm_status "$log.$(( offset + index )).log" "${job}_$index")
        while [[ $status == unknown ]] && (( patience > 0 )); do
            sleep 1
            (( patience -= 1 )) || :
            status=$(slurm_status "$log.$(( offset + index )).log" "${job}_$index")
        done
        if [[ $status != 0 ]]; then
            failed+=("$(( offset + index ))")
            status_of_first=${status_of_first:-$status}
        fi
    done
    if (( ${#failed[@]} )); then
        explain_failure "${failed[0]}" "$num_tasks" "$log" "$status_of_first" "$@" >&2
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

# Ends run.sh where it is to work on this machine while an array that writes to the same folder as
# this log lives on: tasks on other nodes do not hold its lock.
refuse_beside_slurm() {
    local folder=${1%/*} jobs
    if [[ -z $(compgen -G "$folder/*.job") ]] || ! type -P squeue >/dev/null; then
        return
    fi
    if ! jobs=$(forget_slurm_variables; slurm_jobs --name="$(slurm_job_name "$1")"); then
        echo "launch: squeue does not answer; make sure that no job of an earlier run.sh lives on" >&2
    elif [[ -n $jobs ]]; then
        echo "launch: the jobs $jobs of an earlier run.sh write to $PWD/$folder: wait for them with" \
            "--launcher slurm, or end them: scancel $jobs" >&2
        return 1
    fi
}

slurm_job_lives_on() {
    local job
    job=$(submitted_job)
    if [[ -n $job ]]; then
        echo "run.sh: job $job lives on, and run.sh finds its work when it is run again; to end it:" \
            "$(scancel_command)" >&2
    fi
}
