# shellcheck shell=bash
# Sourced by launch.sh: what run.sh starts does not outlive it, and one run.sh at a time works in a
# folder, also where one was killed outright.
#   guarded PID, unguarded PID   a process group that run.sh has started; it has ended
#   lock_folder FOLDER           ends run.sh where another one works in FOLDER
# A guardian, a process beside run.sh, holds the other end of a pipe: when run.sh is gone, whatever
# the reason, it ends the groups that are left, waits for them, and removes the locks.

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
    [[ -n $1 && $(process "${1%:*}") == "$1" ]]
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
    local word value own=$BASHPID
    local -A groups=() locks=()
    trap '' INT TERM HUP
    own=$(process "$own")
    while read -r word value; do
        case $word in
            started) groups[$value]='' ;;
            ended) unset "groups[$value]" ;;
            locked) locks[$value]='' ;;
        esac
    done
    for value in "${!groups[@]}"; do
        kill -TERM -- "-$value" 2>/dev/null || :
    done
    for value in "${!groups[@]}"; do
        while group_is_alive "$value"; do
            sleep 0.2
        done
    done
    for value in "${!locks[@]}"; do
        if [[ $(cat "$value" 2>/dev/null) == *" $own" ]]; then
            rm -f "$value"
        fi
    done
}

exec {lifeline}> >(guard)
guardian=$!

guarded() { echo "started $1" >&"$lifeline"; }
unguarded() { echo "ended $1" >&"$lifeline"; }

# Lets the guardian finish, so that the locks are gone when run.sh is.
dismiss_guardian() {
    exec {lifeline}>&-
    wait "$guardian" 2>/dev/null || :
}

lock_error() {
    echo "run.sh: $*" >&2
    exit 1
}

lock_folder() {
    local file=$1/.lock holder host pid keeper said='' tries=0
    mkdir -p "$1"
    until ( set -o noclobber; : >"$file" ) 2>/dev/null; do
        if [[ ! -e $file ]]; then
            ( : >"$file" ) || lock_error "cannot write in $PWD/$1, which its stages write to"
            continue
        fi
        holder=$(cat "$file" 2>/dev/null) || continue
        read -r host pid keeper <<<"$holder" || :
        if [[ -z $keeper ]] && (( tries++ < 20 )); then
            sleep 0.1  # it is being written
        elif [[ -z $keeper ]]; then
            lock_error "$PWD/$file is no lock of a run.sh; if none works here: rm '$PWD/$file'"
        elif [[ $host != "$(hostname)" ]]; then
            lock_error "another run.sh works in $PWD/$1: process ${pid%:*} on $host, since" \
                "$(date -r "$file" '+%F %T'); if it is gone: rm '$PWD/$file'"
        elif is_alive "$pid"; then
            lock_error "another run.sh works in $PWD/$1: process ${pid%:*} on this host, since" \
                "$(date -r "$file" '+%F %T'); wait for it, or end it: kill ${pid%:*}"
        elif is_alive "$keeper"; then
            [[ -n $said ]] || echo "run.sh: waits for what process ${pid%:*}, which was killed," \
                "left running in $PWD/$1" >&2
            said=yes
            sleep 0.2
        else
            # Gone with its guardian. Another run.sh may be taking over too: only one can move it.
            if mv "$file" "$file.$$" 2>/dev/null; then
                [[ $(cat "$file.$$") == "$holder" ]] || ln "$file.$$" "$file" || :
                rm -f "$file.$$"
            fi
        fi
    done
    echo "locked $PWD/$file" >&"$lifeline"
    echo "$(hostname) $(process $$) $(process "$guardian")" >"$file" \
        || { rm -f "$file"; lock_error "cannot write $PWD/$file"; }
}
