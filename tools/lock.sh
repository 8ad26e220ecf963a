# shellcheck shell=bash
# Sourced by launch.sh: one run.sh at a time works in a folder.
#   lock_folder FOLDER    ends run.sh where another one works in FOLDER
#   unlock_folders        of all that are locked
# The kernel holds the lock (flock) as long as any process has the descriptor open on which it was
# taken: run.sh, its guardian, and its tasks, which inherit it. So a lock ends with the last of
# them, however they end. The file FOLDER/.lock says who holds it: host, and process with its start time.
declare -A locks=()  # file -> descriptor

lock_error() {
    echo "run.sh: $*" >&2
    exit 1
}

lock_folder() {
    local file=$1/.lock fd message status looks=0 faults=0
    type -P flock >/dev/null || lock_error "needs the program flock, of the package util-linux"
    check_folder "$1"
    mkdir -p "$1" 2>/dev/null || lock_error "cannot make the folder $PWD/$1"
    while true; do
        if ! { exec {fd}<>"$file"; } 2>/dev/null; then
            message=$({ : >>"$file"; } 2>&1) || :
            lock_error "cannot write in $PWD/$1, which its stages write to (${message##*: })"
        fi
        status=0
        message=$(flock --nonblock "$fd" 2>&1) || status=$?
        if (( status == 0 )) && [[ $file -ef /proc/self/fd/$fd ]]; then
            refuse_other_host "$file"
            break
        elif (( status > 1 && faults++ == 5 )); then  # once may be a file that was just removed
            refuse_other_host "$file"
            refuse_holder "$file"
            echo "run.sh: the disk of $PWD/$1 has no locks (${message#flock: }): nothing keeps a" \
                "second run.sh from writing there; start only one at a time" >&2
            break
        fi
        exec {fd}>&-
        if (( status == 1 )); then
            look_at_holder "$file" "$(( looks++ ))"
        elif (( status > 1 )); then
            sleep 0.2
        fi
    done
    locks[$file]=$fd
    echo "$(hostname) $(process $$)" >"$file" \
        || { rm -f "$file"; lock_error "cannot write $PWD/$file"; }
}

# Removes each file while it is locked, so that no other run.sh has it by then: who opened it before
# sees that it is another one now (-ef). Unlocks it also for a process that has left its group.
unlock_folders() {
    local file
    for file in "${!locks[@]}"; do
        if [[ $file -ef /proc/self/fd/${locks[$file]} ]]; then
            rm -f "$file"
        fi
        flock --unlock "${locks[$file]}" 2>/dev/null || :
    done
}

# A folder of the recipe may be a link to another disk, which may be missing.
check_folder() {
    local folder=$1
    while [[ $folder != [./] ]]; do
        if [[ -L $folder && ! -e $folder ]]; then
            lock_error "$PWD/$folder is a link to $(readlink "$folder"), which is not there: make" \
                "that folder, or remove the link"
        elif [[ -e $folder && ! -d $folder ]]; then
            lock_error "$PWD/$folder is no folder: move it away"
        fi
        folder=$(dirname -- "$folder")
    done
}

# The content of a lock's file, into `host` and `holder`; both are empty where it says nothing.
read_lock() {
    host='' holder=''
    { read -r host holder <"$1"; } 2>/dev/null || :
    holder=${holder%% *}
    if [[ ! $holder =~ ^[0-9]+:[0-9]+$ ]]; then
        host='' holder=''
    fi
}

works_here() {
    lock_error "another run.sh works in $PWD/${1%/*}: process ${holder%:*} on $2, since" \
        "$(date -r "$1" '+%F %T'); ${*:3}"
}

# Some disks lock among the processes of one host only.
refuse_other_host() {
    local host holder
    read_lock "$1"
    if [[ -n $host && $host != "$(hostname)" ]]; then
        works_here "$1" "$host" "wait for it, or end it there; if it is gone: rm '$PWD/$1'"
    fi
}

refuse_holder() {
    local host holder
    read_lock "$1"
    if is_alive "$holder"; then
        works_here "$1" "this host" "wait for it, or end it: kill ${holder%:*}"
    fi
}

# Somebody holds the lock. Exits where that is a run.sh; waits a moment for what a run.sh has left.
look_at_holder() {
    local file=$1 looks=$2 host holder pids
    refuse_other_host "$file"
    refuse_holder "$file"
    if (( looks == 5 )); then  # before, its new holder may be about to write its own name
        read_lock "$file"
        pids=$(processes_with "$file")
        echo "run.sh: waits for what ${holder:+process ${holder%:*}, which was killed, left}" \
            "running in $PWD/${file%/*}${pids:+; to end it: kill $pids}" >&2
    fi
    sleep "$(( looks < 5 ? 0 : 1 )).1"
}

# The ids of the processes that have a file open, as far as one may see that.
processes_with() {
    local descriptor pid
    for descriptor in /proc/[0-9]*/fd/*; do
        if [[ $descriptor -ef $1 ]]; then
            pid=${descriptor#/proc/}
            echo "${pid%%/*}"
        fi
    done | sort -nu | paste -sd ' '
}
