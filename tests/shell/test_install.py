"""tools/install.sh and path.sh where they can be tested without a download."""

import hashlib
import shutil
import sys
from pathlib import Path

import pytest

from tests.helpers.bash import PATH, ROOT, bash, executable

# A Python that is recent enough, and notes what else it is asked for instead of doing it.
NOTING_PYTHON = '#!/bin/sh\ncase $1 in -c) exit 0 ;; esac\necho "$@" >>"$0.asked"\nexit 3\n'


@pytest.fixture
def checkout(tmp_path):
    """What install.sh and path.sh read of a checkout; nothing is installed."""
    root = tmp_path / "a checkout"
    (root / "tools").mkdir(parents=True)
    (root / "uss").mkdir()
    (root / "uss" / "__init__.py").touch()
    for name in ("path.sh", "setup.py", "tools/install.sh", "tools/constraints.txt"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def python(tmp_path):
    return executable(tmp_path / "python3", NOTING_PYTHON)


def pretend_installed(root: Path, extras: str, cuda: str = "None") -> None:
    venv = root / "tools" / "venv"
    executable(venv / "bin" / "python", "#!/bin/sh\nexit 4\n")
    (venv / "pyvenv.cfg").touch()
    digest = hashlib.sha256(f"{root}\n".encode())
    for name in ("setup.py", "tools/constraints.txt"):
        digest.update((root / name).read_bytes())
    torch = venv / "lib" / "python3.12" / "site-packages" / "torch"
    torch.mkdir(parents=True)
    (torch / "version.py").write_text(f"cuda: Optional[str] = {cuda}\nhip: Optional[str] = None\n")
    (venv / "installed").write_text(f"{digest.hexdigest()} {extras}\n")


def install(root: Path, python: Path, *args: str):
    return bash('tools/install.sh "$@"', root, *args, PYTHON=python)


def asked(python: Path) -> str:
    path = Path(f"{python}.asked")
    return path.read_text() if path.exists() else ""


@pytest.mark.parametrize(("extras", "args"), [("", []), ("test", []), ("test", ["test"])])
def test_nothing_is_done_or_said_when_all_is_there(checkout, python, extras, args):
    pretend_installed(checkout, extras)
    result = install(checkout, python, *args)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("changed", ["setup.py", "tools/constraints.txt"])
def test_a_changed_requirement_installs_again(checkout, python, changed):
    pretend_installed(checkout, "")
    with open(checkout / changed, "a") as file:
        file.write("# changed\n")
    assert install(checkout, python).returncode != 0
    assert "-m venv --clear" in asked(python)


def test_the_extras_of_the_tests_are_installed_besides(checkout, python):
    pretend_installed(checkout, "")
    assert install(checkout, python, "test").returncode != 0
    assert "-m venv --clear" in asked(python)


def test_a_cuda_torch_takes_the_place_of_one_for_the_cpu(checkout, python):
    pretend_installed(checkout, "")
    assert install(checkout, python, "--gpu").returncode != 0
    assert "-m venv --clear" in asked(python)


def test_a_cuda_torch_is_there(checkout, python):
    pretend_installed(checkout, "", cuda="'12.8'")
    result = install(checkout, python, "--gpu")
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


def test_a_copied_checkout_installs_its_own(checkout, python, tmp_path):
    pretend_installed(checkout, "")
    shutil.copytree(checkout, tmp_path / "copy")
    assert install(tmp_path / "copy", python).returncode != 0
    assert asked(python)


def test_a_half_deleted_environment_is_made_anew(checkout, python):
    """Without pyvenv.cfg its Python is the base Python, which pip must never write to."""
    pretend_installed(checkout, "")
    venv = checkout / "tools" / "venv"
    (venv / "pyvenv.cfg").unlink()
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").symlink_to(sys._base_executable)
    result = install(checkout, python)
    assert result.returncode != 0
    assert asked(python) == f"-m venv --clear {venv}\n"
    assert not (venv / "bin" / "python").is_symlink()
    assert "pip" not in result.stdout


def test_an_old_python_is_named(checkout, tmp_path):
    result = install(checkout, executable(tmp_path / "old", "#!/bin/sh\nexit 1\n"))
    assert result.returncode == 1
    assert "needs Python 3.11 or newer" in result.stderr
    assert not (checkout / "tools" / "venv").exists()


def test_an_unknown_argument(checkout, python):
    result = install(checkout, python, "--cuda")
    assert result.returncode == 2
    assert result.stderr.count("\n") == 1


def test_path_prefers_the_active_python_and_this_checkouts_package(checkout):
    script = ". ./path.sh; python -P -c 'import sys, uss; print(sys.executable, uss.__path__[0])'"
    result = bash(script, checkout)
    assert result.stdout == f"{sys.executable} {checkout / 'uss'}\n"


def test_path_leaves_pythonpath_alone_where_it_is_not_needed():
    result = bash('. ./path.sh; echo "$PYTHONPATH"', ROOT, PYTHONPATH=ROOT)
    assert result.stdout == f"{ROOT}\n"


def test_path_says_what_to_do_where_no_python_has_the_package(checkout, tmp_path):
    executable(tmp_path / "bin" / "python", "#!/bin/sh\nexit 1\n")
    result = bash(". ./path.sh || echo failed", checkout, PATH=f"{tmp_path / 'bin'}:{PATH}")
    assert result.stdout == "failed\n"
    assert result.stderr == f"path.sh: no Python with uss here; run {checkout}/tools/install.sh\n"
