"""What tests share: signals as from a terminal, a Slurm cluster, the mini recipe after a run."""

import fcntl
import os
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.helpers.recipe_runs import ROOT, SYSTEMS, copy_recipe, run

pytest_plugins = ["tests.helpers.fixtures"]  # recipes of a few seconds

CLUSTER = ROOT / "tests" / "slurm" / "cluster.sh"


@pytest.fixture(autouse=True)
def default_signals():
    """Whatever this process was started with: a background job is started with SIGINT ignored,
    `nohup` ignores SIGHUP, and bash cannot trap a signal that was ignored when it started. Handlers
    are not inherited: they become the default.
    """
    handlers = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture(scope="session")
def make_once(tmp_path_factory, worker_id) -> Callable[[str, Callable[[Path], object]], Path]:
    """make_once(name, make): a folder that make(folder) has filled. Not to be changed.

    Where several processes test, the first that needs it makes it; the others wait.
    """
    base = tmp_path_factory.getbasetemp()
    if worker_id != "master":
        base = base.parent  # of this process -> of all

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, done = base / name, base / f"{name}.done"
        with open(base / f"{name}.lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(folder, ignore_errors=True)  # what a run that failed has left
                folder.mkdir()
                make(folder)
                done.touch()
        return folder

    return made


@pytest.fixture(scope="session")
def undisturbed(make_once) -> Path:
    """The reduced mini recipe after all stages in one run, two shards. Not to be changed."""

    def make(folder: Path) -> None:
        recipe = copy_recipe("mini", folder)
        (recipe / "run.log").write_text(run(recipe, "--nj", "2", *SYSTEMS).stderr)

    return make_once("undisturbed", make) / "egs" / "mini"


@pytest.fixture(scope="session")
def cluster(tmp_path_factory) -> dict[str, str]:
    """A Slurm cluster of two nodes on this machine; the variables that lead to it."""
    missing = [name for name in ("slurmctld", "slurmd", "sbatch", "munged") if not _found(name)]
    if missing:
        pytest.skip(f"no {', '.join(missing)}: tests/run.sh installs them, as root on Debian")
    if os.geteuid() != 0:
        pytest.skip("only root can start a Slurm cluster's daemons")
    folder = tmp_path_factory.mktemp("cluster")
    try:
        subprocess.run([CLUSTER, "start", folder], check=True)
        yield {"SLURM_CONF": str(folder / "slurm.conf")}
    finally:
        subprocess.run([CLUSTER, "stop", folder], check=True)


def _found(name: str) -> bool:
    return shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is not None
