# shellcheck shell=bash
# Sourced by launch.sh: what run.sh starts does not outlive it, also where it is killed outright.
#   start COMMAND...    in the background, in a process group of its own, whose number is $!
#   collected PID       this command has ended
# A guardian, a process beside run.sh, holds the other end of a pipe: when run.sh is gone, whatever
# the reason, it ends the groups that are left, waits for them, and unlocks the folders (lock.sh).
guardian=''  # "pid:start time", from the first `start` on
lifeline=''  # descriptor of the pipe to it

# The fields of /proc/$1/stat from the state on, into `fields`: 0 the state, 2 the process group, 19
# the start time. Fails where there is no such process, or it is one that nobody has collected yet.
read_process() {
    local stat
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return
    read -r -a fields <<<"${stat##*) }"
    [[ ${fields[0]} != Z ]]
}

# "pid:start time": a process id alone may come again.
process() {
    local fields
    read_process "$1" && echo "$1:${fields[19]}"
}

is_alive() {
    local fields
    [[ -n $1 ]] && read_process "${1%:*}" && [[ ${fields[19]} == "${1#*:}" ]]
}

group_is_alive() {
    local folder fields
    for folder in /proc/[0-9]*; do
        if read_process "${folder#/proc/}" && [[ ${fields[2]} == "$1" ]]; then
            return 0
        fi
    done
    return 1
}

guard() {
    local word group
    local -A groups=()
    trap '' INT TERM HUP
    while read -r word group; do
        case $word in
            started) groups[$group]='' ;;
            ended) unset "groups[$group]" ;;
        esac
    done
    for group in "${!groups[@]}"; do
        kill -TERM -- "-$group" 2>/dev/null || :
    done
    for group in "${!groups[@]}"; do
        while group_is_alive "$group"; do
            sleep 0.2
        done
    done
    unlock_folders
}

# Writes a line to the guardian. Where it is gone a write would end the writer by SIGPIPE.
tell_guardian() {
    trap '' PIPE
    { echo "$*" >&"$lifeline"; } 2>/dev/null || :
    trap - PIPE
}

# Starts the guardian, and another one where it has ended, which nothing of ours does.
ensure_guardian() {
    local group
    if is_alive "$guardian"; then
        return
    elif [[ -n $guardian ]]; then
        echo "run.sh: somebody ended process ${guardian%:*}, which ends the tasks when run.sh is" \
            "killed; another one takes its place" >&2
        exec {lifeline}>&-
    fi
    exec {lifeline}> >(guard)
    guardian=$(process "$!")
    for group in $(jobs -rp); do
        tell_guardian "started $group"
    done
}

# `set -m` gives the command a process group of its own, so that `wait` can be interrupted and a
# signal reaches the command's own children.
start() {
    ensure_guardian
    set -m
    guarded "$@" </dev/null &
    set +m
}

# Tells the guardian before the command begins: nothing runs that it does not know of.
guarded() {
    tell_guardian "started $BASHPID"
    exec {lifeline}>&-
    if declare -F "$1" >/dev/null; then
        "$@"
    else
        exec "$@"
    fi
}

# Where a process of its group lives on, the guardian shall end that.
collected() {
    ensure_guardian
    kill -0 -- "-$1" 2>/dev/null || tell_guardian "ended $1"
}

# Lets the guardian finish, so that nothing runs and the folders are unlocked when run.sh is gone.
dismiss_guardian() {
    if [[ -n $guardian ]]; then
        exec {lifeline}>&-
        wait "${guardian%:*}" 2>/dev/null || :
    fi
    unlock_folders
}
