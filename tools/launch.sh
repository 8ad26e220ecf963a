# shellcheck shell=bash
# Sourced by stages.sh: runs a recipe's commands, so that a signal to run.sh ends them too.
#   here COMMAND...                                one command, on the terminal
#   launch PROFILE NUM_TASKS LOG COMMAND...        NUM_TASKS of it, `nj` at a time
# A task finds its number, from 1, in SHARD and their count in NUM_SHARDS. It writes to
# LOG.<task>.log; only the first one's stderr goes to the terminal, for its progress bars, with the
# log's name in USS_LOG for the program to write its messages there too. When a task fails the
# others are ended, and `launch` shows the end of its log and the command that runs it alone.
# The log begins with host, time and command and ends with the status.
# PROFILE says what a task needs: cpu; gpu, one; train, one for each of `num_processes`.
# `launcher` says where tasks run: local, here; slurm, as an array of jobs (slurm.sh).

# shellcheck source=tools/task_environment.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/task_environment.sh"

# nproc would count the threads that a task is allowed.
nj=$(env -u OMP_NUM_THREADS nproc)  # tasks at a time; --nj sets it
launcher=local
num_processes=1  # that train a network together; --num-processes sets it

# shellcheck source=tools/guardian.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/guardian.sh"
# shellcheck source=tools/lock.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/lock.sh"
# shellcheck source=tools/slurm.sh
. "$(dirname -- "${BASH_SOURCE[0]}")/slurm.sh"

signal_jobs() {
    local pid
    for pid in $(jobs -rp); do
        kill "-$1" -- "-$pid" 2>/dev/null || :
    done
}

# Ends what runs. A training may take a moment to save itself; a second signal does not wait.
end_jobs() {
    local pid
    trap 'signal_jobs KILL' INT TERM HUP
    signal_jobs TERM
    for pid in $(jobs -p); do
        while kill -0 "$pid" 2>/dev/null; do
            wait "$pid" 2>/dev/null || :
        done
    done
    trap_signals
}

interrupted() {
    echo "run.sh: $1: ending what runs; once more to kill it" >&2
    end_jobs
    slurm_job_lives_on
    exit "$2"
}

trap_signals() {
    trap 'interrupted INT 130' INT
    trap 'interrupted TERM 143' TERM
    trap 'interrupted HUP 129' HUP
}
trap_signals

here() {
    local status=0
    start "$@"
    wait "$!" || status=$?
    collected "$!"
    explain_status "$status" >&2
    return "$status"
}

launch() {
    mkdir -p "$(dirname "$3")"
    [[ $launcher == slurm ]] || refuse_beside_slurm "$3"
    "launch_$launcher" "$@"
}

launch_local() {
    local profile=$1 num_tasks=$2 log=$3 at_once=$nj processes=1
    shift 3
    local next=1 pid status slot visible
    local -a devices=() free=()
    local -A running=() slot_of=()  # process id -> task, and its place among those that run
    [[ $profile != train ]] || processes=$num_processes
    if [[ $profile != cpu ]]; then
        find_devices
        if (( ${#devices[@]} && processes > ${#devices[@]} )); then
            echo "launch: $processes processes are to train together, each on a GPU of its own, and" \
                "there are ${#devices[@]}: lower --num-processes" >&2
            return 2
        fi
        if (( ${#devices[@]} && at_once * processes > ${#devices[@]} )); then
            at_once=$(( ${#devices[@]} / processes ))
        fi
    fi
    for (( slot = at_once - 1; slot >= 0; slot-- )); do
        free+=("$slot")
    done
    echo "launch: $num_tasks $profile task(s), at most $at_once at a time, log $log.*.log" >&2
    while (( next <= num_tasks || ${#running[@]} )); do
        while (( next <= num_tasks && ${#running[@]} < at_once )); do
            log_start "$next" "$num_tasks" "$@" >>"$log.$next.log" || return
            slot=${free[-1]}
            unset "free[-1]"
            visible=$(IFS=,; echo "${devices[*]:slot * processes:processes}")
            start run_task "$next" "$num_tasks" "$log.$next.log" "$@"
            running[$!]=$next
            slot_of[$!]=$slot
            (( next += 1 ))
        done
        wait -n || :
        for pid in "${!running[@]}"; do
            if kill -0 "$pid" 2>/dev/null; then
                continue
            fi
            status=$(task_status "$log.${running[$pid]}.log")
            collected "$pid"
            if [[ $status != 0 ]]; then
                end_jobs
                explain_failure "${running[$pid]}" "$num_tasks" "$log" "$status" "$@" >&2
                return 1
            fi
            free+=("${slot_of[$pid]}")
            unset "running[$pid]"
        done
    done
}

# The GPUs that may be used, into `devices`: those of CUDA_VISIBLE_DEVICES, else all.
find_devices() {
    if [[ -n ${CUDA_VISIBLE_DEVICES+set} ]]; then
        [[ $CUDA_VISIBLE_DEVICES == -1 ]] || IFS=, read -r -a devices <<<"$CUDA_VISIBLE_DEVICES"
    elif type -P nvidia-smi >/dev/null; then
        # Without a driver it prints an error where the numbers should stand.
        mapfile -t devices < <(
            nvidia-smi --query-gpu=index --format=csv,noheader | grep -x '[0-9]*')
    fi
}

log_start() {
    echo "# on $(hostname), $(date '+%Y-%m-%d %H:%M:%S'), task $1 of $2"
    echo "# $(printf '%q ' "${@:3}")"
}

# A task, in a shell of its own.
run_task() {
    local log=$3 status=0
    trap : TERM  # the command gets the signal as well; this shell stays for the log's last line
    set +m  # all in the group of this shell
    export SHARD=$1 NUM_SHARDS=$2
    [[ -z $visible ]] || export CUDA_VISIBLE_DEVICES=$visible
    shift 3
    SECONDS=0
    if (( SHARD == 1 )); then
        export USS_LOG=$log
    else
        exec 2>>"$log"
    fi
    if (( processes > 1 )); then
        run_together "$@" >>"$log" || status=$?
    else
        "$@" >>"$log" || status=$?
    fi
    echo "# ended $(date '+%Y-%m-%d %H:%M:%S'), $SECONDS s, status $status" >>"$log"
}

# As many processes as `processes` says, which know of each other as under srun
# (uss/distributed.py). Returns the status of the first one that fails; the others have then a
# minute to end.
run_together() {
    local rank pid ended status=0 killer=''
    local -A ranks=()
    export NUM_PROCESSES=$processes SLURM_NTASKS=$processes
    export MASTER_ADDR=127.0.0.1 MASTER_PORT=$(( 10000 + BASHPID % 20000 ))
    for (( rank = 0; rank < processes; rank++ )); do
        SLURM_PROCID=$rank SLURM_LOCALID=$rank "$@" &
        ranks[$!]=$rank
    done
    while (( ${#ranks[@]} )); do
        wait -n || :
        for pid in "${!ranks[@]}"; do
            if kill -0 "$pid" 2>/dev/null; then
                continue
            fi
            unset "ranks[$pid]"
            ended=0
            wait "$pid" || ended=$?
            if [[ $ended != 0 && -z $killer ]]; then
                status=$ended
                kill_later "${!ranks[@]}" >/dev/null 2>&1 &
                killer=$!
            fi
        done
    done
    [[ -z $killer ]] || kill "$killer"
    return "$status"
}

# Once this is ended itself, by TERM, nothing of it stays.
kill_later() {
    trap 'kill "$!"; exit' TERM
    sleep 60 &
    wait "$!" && kill -KILL "$@"
}

# The last line tells; a task that was killed outright has written none.
task_status() {
    local last
    last=$(tail -n 1 "$1")
    if [[ $last == "# ended "* ]]; then
        echo "${last##* }"
    else
        echo "unknown"
    fi
}

# A program that SIGKILL ended could say nothing itself.
explain_status() {
    [[ $1 != 137 ]] || echo "launch: it was killed, probably because memory ran out: give it more" \
        "memory or end other programs, and run again: what was finished is kept"
}

explain_failure() {
    local task=$1 num_tasks=$2 log=$3.$1.log status=$4
    shift 4
    echo "launch: task $task of $num_tasks failed, status $status; the end of $PWD/$log:"
    tail -n 20 "$log" | sed 's/^/    /'
    explain_status "$status"
    echo "launch: this runs task $task alone:"
    printf '    cd %q && . %q && ' "$PWD" "$USS_ROOT/path.sh"
    printf 'SHARD=%d NUM_SHARDS=%d OMP_NUM_THREADS=1 MKL_NUM_THREADS=1 ' "$task" "$num_tasks"
    printf '%q ' "$@"
    echo
}
