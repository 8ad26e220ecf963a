"""What tests share: signals as from a terminal, a Slurm cluster, the mini recipe after a run."""

import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.recipes.recipe import ROOT, SYSTEMS, copy_recipe, run

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


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Where several processes test (-n 2), a file is tested by one of them, and what needs the run
    of the mini recipe or the cluster too: those are made once."""
    for item in items:
        is_long = {"undisturbed", "cluster"} & set(item.fixturenames)
        group = "recipe" if is_long else str(item.path)
        item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory) -> Path:
    """The reduced mini recipe after all stages in one run, two shards. Not to be changed."""
    recipe = copy_recipe("mini", tmp_path_factory.mktemp("undisturbed"))
    (recipe / "run.log").write_text(run(recipe, "--nj", "2", *SYSTEMS).stderr)
    return recipe


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
