"""Several processes on this machine that train together, as tools/launch.sh starts them."""

import os
import socket
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def variables(rank: int, world: int, port: int) -> dict[str, str]:
    """What tools/launch.sh tells a process."""
    names = {"NUM_PROCESSES": world, "SLURM_NTASKS": world, "SLURM_PROCID": rank}
    names |= {"SLURM_LOCALID": rank, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return {name: str(value) for name, value in names.items()}


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def start(world: int, arguments: list[str], cwd: Path) -> list[subprocess.Popen]:
    """Python with `arguments`, `world` times; with world 1 the variables are not set."""
    port = free_port()
    processes = []
    for rank in range(world):
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
        environment["OMP_WAIT_POLICY"] = "passive"
        if world > 1:
            environment |= variables(rank, world, port)
        processes.append(
            subprocess.Popen(
                [sys.executable, *arguments],
                cwd=cwd,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            )
        )
    return processes


def run(world: int, arguments: list[str], cwd: Path) -> tuple[list[int], str]:
    """Exit statuses by rank, and all that they said."""
    processes = start(world, arguments, cwd)
    outputs = [process.communicate(timeout=300)[0] for process in processes]
    return [process.returncode for process in processes], "\n".join(outputs)
