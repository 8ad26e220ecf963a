# shellcheck shell=bash
# Sourced, in bash: puts the Python that has all that setup.py requires first in PATH. That is the
# active one if `import uss` works there, else tools/venv.
#   . ./path.sh                     for your own shell; installs nothing
#   . ./path.sh --install [test]    for run.sh and tests/run.sh: makes or mends tools/venv first
# `uss` is always this checkout's, also where another one is installed, or another package of that
# name, or where the working directory has a folder `uss`. A PYTHONPATH, such as environment modules
# set, stays only where this Python needs it.

if [ -z "${BASH_VERSION:-}" ]; then
    echo "path.sh: source it in bash: this shell is another one" >&2
    return 1
fi
USS_ROOT=$(CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
export USS_ROOT
case $USS_ROOT in
    *:*)
        echo "path.sh: $USS_ROOT: PATH and PYTHONPATH cannot hold a ':'; move this checkout" >&2
        return 1
        ;;
esac
# They change what Python finds (of a script its neighbours, in egs/*/local) or how it ends.
unset -v PYTHONSAFEPATH PYTHONINSPECT PYTHONOPTIMIZE
export PYTHONUTF8=1  # of every table and YAML, whatever the language here

# Fails, and says what is missing, where the active Python lacks `uss` or a distribution that
# setup.py requires, or one of the extra $1. $2 is -I, which leaves PYTHONPATH and PYTHONHOME out,
# or -P, which leaves the working directory out; before Python 3.11 there is no -P, so this fails
# there, as it should.
uss_missing() {
    command python "$2" - "$USS_ROOT/setup.py" "$1" 2>/dev/null <<'END'
import ast, re, sys
from importlib.metadata import PackageNotFoundError, version

def numbers(text):
    return [int(number) for number in re.findall(r"\d+", text.split("+")[0])[:3]]

def missing(requirement):
    name, _, least = requirement.partition(">=")
    try:
        return numbers(version(name)) < numbers(least)
    except PackageNotFoundError:
        return True

(setup,) = (node for node in ast.walk(ast.parse(open(sys.argv[1], encoding="utf-8").read()))
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "setup")
given = {keyword.arg: keyword.value for keyword in setup.keywords}
wanted = ast.literal_eval(given["install_requires"])
if sys.argv[2]:  # a list may also hold the name of another one, which install.sh sees to
    extras = given["extras_require"]
    names = [ast.literal_eval(key) for key in extras.keys]
    items = extras.values[names.index(sys.argv[2])].elts
    wanted += [item.value for item in items if isinstance(item, ast.Constant)]
lacking = [requirement for requirement in wanted if missing(requirement)]
print(*lacking, sep=", ")
try:
    import uss
except ImportError:
    sys.exit(1)
sys.exit(bool(lacking))
END
}

# Whether the active Python will do. Without the PYTHONPATH, if possible: it is then not needed.
uss_use_python() {
    if uss_missing "$1" -I >/dev/null; then
        PYTHONPATH=$USS_ROOT
        export PYTHONNOUSERSITE=1
        unset -v PYTHONHOME
    elif uss_lacks=$(uss_missing "$1" -P); then
        [[ ${PYTHONPATH:-}: == "$USS_ROOT":* ]] \
            || PYTHONPATH=$USS_ROOT${PYTHONPATH:+:$PYTHONPATH}
    else
        return 1
    fi
    export PYTHONPATH
}

uss_venv=$USS_ROOT/tools/venv
uss_extra=''
if [[ ${1:-} == --install ]]; then
    uss_extra=${2:-}
fi
if [[ $(type -P python) == "$uss_venv"/* ]] || ! uss_use_python "$uss_extra"; then
    if [[ ${1:-} == --install ]]; then
        if [[ -n ${uss_lacks:-} && ", $uss_lacks" != *", torch>="* ]]; then
            echo "path.sh: $(type -P python) lacks $uss_lacks: using tools/venv instead" >&2
        fi
        "$USS_ROOT/tools/install.sh" "${@:2}" || return
    fi
    PATH=$uss_venv/bin:$PATH
    if ! uss_use_python "$uss_extra"; then
        echo "path.sh: no Python with uss here; run $USS_ROOT/tools/install.sh" >&2
        return 1
    fi
fi
unset -v uss_extra uss_lacks uss_venv
unset -f uss_missing uss_use_python
