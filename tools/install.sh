#!/usr/bin/env bash
# Installs into tools/venv what the recipes need, and nothing anywhere else.
#   tools/install.sh          run.sh calls this
#   tools/install.sh test     with what the tests need; tests/run.sh calls this
#   tools/install.sh --gpu    the CUDA build of torch where this machine has no NVIDIA GPU itself,
#                             as on a cluster's login node
#   PYTHON=python3.12 tools/install.sh    with this Python
# Safe to interrupt and to repeat. Says nothing when there is nothing to do.
set -euo pipefail
unset PYTHONPATH PYTHONHOME
CDPATH='' builtin cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.."
root=$(pwd -P)
venv=$root/tools/venv
python=$venv/bin/python
marker=$venv/installed  # written last: the digest of what was asked for, then the extras
cpu_index=https://download.pytorch.org/whl/cpu

say() { echo "install.sh: $*" >&2; }
fail() { say "${@:2}"; exit "$1"; }

extra='' gpu=''
for argument; do
    case $argument in
        test) extra="test" ;;
        --gpu) gpu=yes ;;
        *) fail 2 "unknown argument '$argument'; known are test and --gpu" ;;
    esac
done
wanted=$({ echo "$root"; cat setup.py tools/constraints.txt; } | sha256sum)
wanted=${wanted%% *}

is_installed() {
    local digest='' extras=''
    [[ -x $python && -r $venv/pyvenv.cfg && -r $marker ]] && read -r digest extras <"$marker"
    [[ $digest == "$wanted" && ( -z $extra || $extras == "$extra" ) ]] \
        && { [[ -z $gpu ]] || has_cuda_torch; }
}

# What torch says of itself: None for a CPU build.
has_cuda_torch() {
    grep -qs "^cuda.*= '" "$venv"/lib/python3.*/site-packages/torch/version.py
}

find_python() {
    local candidate candidates=(python3 python3.13 python3.12 python3.11)
    if [[ -n ${PYTHON:-} ]]; then
        candidates=("$PYTHON")
    fi
    for candidate in "${candidates[@]}"; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
            echo "$candidate"
            return
        fi
    done
    fail 1 "needs Python 3.11 or newer, not found as ${candidates[*]}:" \
        "name one with PYTHON=/path/to/python3.11 tools/install.sh"
}

# Without its pyvenv.cfg a half-deleted environment is the base Python, which is not ours to write
# to; an environment without pip's RECORD, written last, is half-made.
is_whole_venv() {
    "$python" -I - "$venv" 2>/dev/null <<'END'
import os.path, sys
from importlib.metadata import distribution
whole = (sys.prefix != sys.base_prefix and os.path.samefile(sys.prefix, sys.argv[1])
         and sys.version_info >= (3, 11) and distribution("pip").read_text("RECORD"))
sys.exit(0 if whole else 1)
END
}

make_venv() {
    say "making $venv with $base_python"
    rm -f "$venv"/bin/python*  # first, so that an interrupted clearing is never taken for whole
    "$base_python" -m venv --clear "$venv"
}

# Where torch is to come from: pip's own sources, or PyTorch's list of CPU builds beside them.
choose_torch() {
    torch_source=()
    if [[ -n $gpu || -e /proc/driver/nvidia/version ]] || nvidia-smi -L >/dev/null 2>&1; then
        say "torch: the build for NVIDIA GPUs"
    elif timeout 10 "$python" -I -c 'import sys, urllib.request
urllib.request.urlopen(sys.argv[1], timeout=5)' "$cpu_index/torch/" 2>/dev/null; then
        say "torch: the CPU build, since this machine has no NVIDIA GPU"
        torch_source=(--extra-index-url "$cpu_index")
    else
        say "torch: $cpu_index cannot be reached, so pip takes the build that its own sources" \
            "have; a CUDA build works without a GPU too but is a much larger download"
    fi
}

pip_install() {
    PIP_USER=0 "$python" -I -m pip --require-virtualenv --disable-pip-version-check \
        install --constraint tools/constraints.txt "$@"
}

# PyPI's torchaudio links CUDA libraries and cannot be imported beside a CPU torch; without its
# compiled extensions, which are optional, it can, and works as pure PyTorch.
mend_torchaudio() {
    "$python" -I - <<'END'
import pathlib, sys, sysconfig, torch
assert sys.prefix != sys.base_prefix
try:
    import torchaudio
except (ImportError, OSError):
    if torch.version.cuda or torch.version.hip:
        raise
    folder = pathlib.Path(sysconfig.get_path("platlib"), "torchaudio", "lib")
    for extension in folder.glob("*.so"):
        print(f"install.sh: removing {extension}, which needs CUDA", flush=True)
        extension.unlink()
END
}

verify() {
    "$python" -I - "$root/uss" <<'END'
import os.path, platform, sys, torch, torchaudio, uss
if not os.path.samefile(uss.__path__[0], sys.argv[1]):
    sys.exit(f"install.sh: uss is imported from {uss.__path__[0]}, not from {sys.argv[1]}")
print(f"install.sh: Python {platform.python_version()}, torch {torch.__version__},"
      f" torchaudio {torchaudio.__version__}, uss from {sys.argv[1]}", file=sys.stderr)
END
}

install() {
    choose_torch
    pip_install "${torch_source[@]}" setuptools torch torchaudio
    # setuptools is there by now: building in this environment asks for no second download of it
    pip_install --no-build-isolation --editable ".${extra:+[$extra]}"
}

if is_installed; then
    exit 0
fi
exec 9>tools/.install.lock
if ! flock --nonblock 9; then
    say "another install.sh is at work here; waiting for it"
    flock 9
    if is_installed; then
        exit 0
    fi
fi

SECONDS=0
base_python=$(find_python)
say "installing into $venv: some minutes, about 1.5 GB"
rm -f "$marker"
if ! is_whole_venv || { [[ -n $gpu ]] && ! has_cuda_torch; }; then  # pip keeps a CPU torch
    make_venv
fi
install
if ! { mend_torchaudio && verify; }; then
    # An earlier run killed while pip was unpacking can leave a package that pip takes for whole.
    say "that does not work; once more from the start"
    make_venv
    install
    mend_torchaudio
    verify
fi
if [[ -n $gpu ]] && ! has_cuda_torch; then
    fail 1 "this torch has no CUDA: pip's own sources have no other build of it here"
fi
echo "$wanted $extra" >"$marker.new"
mv "$marker.new" "$marker"
say "done in $SECONDS s"
