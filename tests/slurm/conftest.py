import pytest

from tests.slurm.jobs import ask


@pytest.fixture(autouse=True)
def no_jobs_left(cluster):
    """A test that failed keeps no nodes from the next one."""
    yield
    ask(cluster, "scancel", "--user=root")
