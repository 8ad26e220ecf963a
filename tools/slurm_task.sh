#!/usr/bin/env bash
# One job of an array that slurm.sh submits; sbatch runs a copy of this file on a node. Its output
# is the task's log.
#   slurm_task.sh USS_ROOT FOLDER_OF_PYTHON NUM_PROCESSES OFFSET NUM_TASKS COMMAND...
# The task's number is OFFSET, which other arrays take, and its index in this one.
# A command that a signal ended (a training exits with 75 once it has saved itself) is put back into
# the queue: Slurm sent the signal, to free the node or because time is up, and it goes on later.
set -euo pipefail
root=$1 python_folder=$2 num_processes=$3 task=$(( $4 + SLURM_ARRAY_TASK_ID )) num_tasks=$5
shift 5
job=${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID
echo "# on $(hostname), $(date '+%Y-%m-%d %H:%M:%S'), task $task of $num_tasks, job $job"
echo "# $(printf '%q ' "$@")"
# Of run.sh's environment a site may hand over nothing (--export=NONE): what tasks need of it.
PATH=$python_folder:$PATH
# shellcheck source=tools/task_environment.sh
. "$root/tools/task_environment.sh"
unset -v SLURM_CLUSTERS  # this job's own cluster is asked
# shellcheck source=path.sh
. "$root/path.sh"
export SHARD=$task NUM_SHARDS=$num_tasks
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1}  # srun does not take over sbatch's

# Prints what scontrol says; its controller may be busy.
ask() {
    local try
    for try in 1 2 3 4 5; do
        if scontrol "$@"; then
            return
        fi
        sleep "$try"
    done
    return 1
}

if (( num_processes > 1 )); then
    # They meet on the first node, where this runs, at the address by which Slurm itself reaches it.
    MASTER_ADDR=$(ask --oneliner show node "$SLURMD_NODENAME" \
        | sed -n 's/^NodeName=.* NodeAddr=\([^ ]*\).*/\1/p')
    MASTER_PORT=$(( 10000 + SLURM_JOB_ID % 20000 ))
    export NUM_PROCESSES=$num_processes MASTER_ADDR MASTER_PORT
fi

status=0
trap : TERM  # the command gets the signal as well; this shell stays for the log's last line
# When one process has ended the others get a minute. All see the node's GPUs and take their own.
srun --export=ALL --ntasks="$num_processes" --wait=60 --gpu-bind=none "$@" || status=$?

# After `scancel`, or past the time limit, the job is no longer RUNNING, and stays ended.
state=$(ask --oneliner show job "$job" | sed -n 's/.* JobState=\([^ ]*\).*/\1/p') || state=
case $status:$state in
    75:RUNNING | 140:RUNNING | 143:RUNNING)  # 128 + USR2, 128 + TERM
        echo "# stopped $(date '+%Y-%m-%d %H:%M:%S'), $SECONDS s, status $status: goes on later"
        if ask requeue "$job"; then
            sleep 300 || :  # Slurm ends this job
        fi
        ;;
esac
echo "# ended $(date '+%Y-%m-%d %H:%M:%S'), $SECONDS s, job $job, status $status"
exit "$status"
