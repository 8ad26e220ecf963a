#!/usr/bin/env bash
# A Slurm cluster on this machine alone, for tests: munged, slurmctld and a slurmd for each of its
# nodes, all on the loopback interface, with their files in one folder.
#   tests/slurm/cluster.sh start FOLDER [NUM_NODES]   two nodes, if not said otherwise
#   tests/slurm/cluster.sh stop FOLDER                ends the daemons that it started
# After `start`, `SLURM_CONF=FOLDER/slurm.conf` makes sbatch, squeue, ... talk to this cluster.
# Needs root, and Debian's packages slurmctld slurmd slurm-client munge. A node has 2 CPUs and a
# "GPU" that is /dev/null. An array holds 10 tasks, so that a few more take several arrays. Jobs of
# the partition `urgent` preempt those of `main`, which is the default: these get the signal that
# they asked for, 30 s to end, and are requeued. With so small a MinJobAge `sbatch --wait` asks for
# its job every 2 s, and not after 2, 10, 42, 74, ... s.
set -euo pipefail

start() {
    local folder=$1 num_nodes=$2 host node
    mkdir -p "$folder/state"
    folder=$(CDPATH='' cd -- "$folder" && pwd -P)
    chmod 755 "$folder"
    host=$(hostname -s)
    configure "$folder" "$host" "$num_nodes"
    export SLURM_CONF=$folder/slurm.conf

    head -c 1024 /dev/urandom >"$folder/munge.key"
    chmod 400 "$folder/munge.key"
    daemon "$folder" munged munged --foreground --force --key-file="$folder/munge.key" \
        --socket="$folder/munge.socket" --pid-file="$folder/munged.own.pid" \
        --seed-file="$folder/munge.seed" --log-file="$folder/munged.log"
    wait_until test -S "$folder/munge.socket"
    daemon "$folder" slurmctld slurmctld -D -c
    for (( node = 1; node <= num_nodes; node++ )); do
        daemon "$folder" "node$node" slurmd -D -N "node$node"
    done
    wait_until all_idle "$num_nodes"
}

configure() {
    local folder=$1 host=$2 num_nodes=$3 node
    local -a ports
    mapfile -t ports < <(free_ports $(( num_nodes + 1 )))
    {
        cat <<END
ClusterName=tests
SlurmctldHost=$host(127.0.0.1)
SlurmctldPort=${ports[0]}
SlurmUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket=$folder/munge.socket,cred_expire=5
CommunicationParameters=NoInAddrAny,NoCtldInAddrAny
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MaxArraySize=11
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerParameters=sched_interval=2,bf_interval=2,sched_min_interval=100000,requeue_delay=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
SlurmctldParameters=preempt_send_user_signal
SlurmdParameters=config_overrides
ReturnToService=2
KillWait=5
MinJobAge=4
InactiveLimit=0
StateSaveLocation=$folder/state
SlurmdSpoolDir=$folder/%n.spool
SlurmctldPidFile=$folder/slurmctld.own.pid
SlurmdPidFile=$folder/%n.own.pid
SlurmctldLogFile=$folder/slurmctld.log
SlurmdLogFile=$folder/%n.log
SlurmctldDebug=info
SlurmdDebug=info
GresTypes=gpu
END
        for (( node = 1; node <= num_nodes; node++ )); do
            mkdir -p "$folder/node$node.spool"
            echo "NodeName=node$node NodeHostname=$host NodeAddr=127.0.0.1 Port=${ports[node]}" \
                "CPUs=2 RealMemory=2000 Gres=gpu:1 State=UNKNOWN"
        done
        echo "PartitionName=main Nodes=ALL Default=YES PriorityTier=1 GraceTime=30 MaxTime=60"
        echo "PartitionName=urgent Nodes=ALL PriorityTier=2 PreemptMode=OFF MaxTime=60"
    } >"$folder/slurm.conf"
    echo "Name=gpu File=/dev/null" >"$folder/gres.conf"
}

free_ports() {
    python3 -c '
import socket, sys
sockets = [socket.socket() for _ in range(int(sys.argv[1]))]
for one in sockets:
    one.bind(("127.0.0.1", 0))
print(*[one.getsockname()[1] for one in sockets], sep="\n")' "$1"
}

# Starts a command that stays in the foreground, in a session of its own; notes its process id.
daemon() {
    local folder=$1 name=$2
    shift 2
    setsid "$@" </dev/null >>"$folder/$name.out" 2>&1 &
    echo $! >"$folder/$name.pid"
}

all_idle() {
    [[ $(sinfo --noheader --Node --partition=main --states=idle --format=%N | wc -l) == "$1" ]]
}

wait_until() {
    local try
    for (( try = 0; try < 300; try++ )); do
        if "$@" 2>/dev/null; then
            return
        fi
        sleep 0.1
    done
    echo "cluster.sh: waited 30 s for: $*" >&2
    return 1
}

stop() {
    local file pid
    for file in "$1"/node*.pid "$1"/slurmctld.pid "$1"/munged.pid; do
        if [[ $file == *.own.pid || ! -e $file ]]; then
            continue
        fi
        pid=$(<"$file")
        kill "$pid" 2>/dev/null || :
        wait_until gone "$pid" || kill -KILL "$pid" 2>/dev/null || :
        rm "$file"
    done
}

# A process that nobody collects (a container's) counts as gone.
gone() {
    local stat
    ! stat=$(cat "/proc/$1/stat" 2>/dev/null) || [[ ${stat##*) } == Z* ]]
}

case ${1:-} in
    start) start "$2" "${3:-2}" ;;
    stop) stop "$2" ;;
    *) echo "usage: cluster.sh start FOLDER [NUM_NODES] | stop FOLDER" >&2; exit 2 ;;
esac
