# shellcheck shell=bash
# Sourced: puts the Python that has `uss` first in PATH. That is the active one if `import uss`
# works there with what it needs, else tools/venv.
#   . ./path.sh                     for your own shell; installs nothing
#   . ./path.sh --install [test]    for run.sh and tests/run.sh: makes or mends tools/venv first
# `uss` is always this checkout's, also where another one is installed.

USS_ROOT=$(CDPATH='' cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
export USS_ROOT

# Prints the folder of `uss`; fails if it or one of the modules named is missing. -P: not from the
# working directory. Before Python 3.11 there is no -P, so this fails there, as it should.
uss_folder() {
    python -P -c '
import importlib.util, sys, uss
missing = [name for name in sys.argv[1:] if importlib.util.find_spec(name) is None]
sys.exit(f"no {missing}") if missing else print(uss.__path__[0])' "$@" 2>/dev/null
}

uss_venv=$USS_ROOT/tools/venv
uss_modules=(torch torchaudio)
if [[ ${1:-} == --install && ${2:-} == test ]]; then
    uss_modules+=(pytest ruff mypy)
fi

if ! uss_origin=$(uss_folder "${uss_modules[@]}") || [[ $(type -P python) == "$uss_venv"/* ]]; then
    if [[ ${1:-} == --install ]]; then
        "$USS_ROOT/tools/install.sh" "${@:2}" || return
    fi
    PATH=$uss_venv/bin:$PATH
    if ! uss_origin=$(uss_folder "${uss_modules[@]}"); then
        echo "path.sh: no Python with uss here; run $USS_ROOT/tools/install.sh" >&2
        return 1
    fi
fi
if [[ ! $uss_origin -ef $USS_ROOT/uss ]]; then
    export PYTHONPATH=$USS_ROOT${PYTHONPATH:+:$PYTHONPATH}
fi
unset -v uss_modules uss_origin uss_venv
unset -f uss_folder
