"""The processes that train one network together: which of them this is, and what they agree on.

tools/launch.sh starts them, with srun or on this machine, and gives them the same variables:
NUM_PROCESSES, how many were asked for; SLURM_NTASKS, how many there are; SLURM_PROCID and
SLURM_LOCALID, which one this is, of all and on its node; MASTER_ADDR and MASTER_PORT, where they
meet. Without NUM_PROCESSES a process is alone, also within a Slurm job.

Alone, every function gives its argument back. torch is imported where it is needed only.
"""

import logging
import os
from datetime import timedelta
from pathlib import Path

NVIDIA_DRIVER = Path("/proc/driver/nvidia/version")
TIMEOUT = timedelta(hours=1)  # the others wait while the first one evaluates

logger = logging.getLogger(__name__)


def _variable(name: str) -> int:
    try:
        return int(os.environ[name])
    except (KeyError, ValueError):
        raise ValueError(
            f"NUM_PROCESSES is set, and {name} is no whole number: start processes that train "
            "together with ./run.sh --num-processes"
        ) from None


def world() -> int:
    """Number of processes. Raises ValueError where there are fewer than were asked for."""
    if os.environ.get("NUM_PROCESSES", "1") == "1":
        return 1
    asked, there = _variable("NUM_PROCESSES"), _variable("SLURM_NTASKS")
    if there != asked:
        raise ValueError(
            f"{asked} processes were asked for and {there} started: look at the profile train in "
            "conf/slurm.conf (the number of processes is ./run.sh --num-processes)"
        )
    return there


def rank() -> int:
    """Number of this process, from 0. The first one writes the files."""
    return 0 if world() == 1 else _variable("SLURM_PROCID")


def device():
    """This process's torch.device: the CPU, the only GPU that it sees, or its own of several."""
    import torch

    num_gpus = torch.cuda.device_count()
    if num_gpus == 0:
        return torch.device("cpu")
    local_rank = 0 if world() == 1 else _variable("SLURM_LOCALID")
    if 1 < num_gpus <= local_rank:
        raise ValueError(
            f"{num_gpus} GPUs here for more processes than that: ask for one GPU a process in the "
            "profile train of conf/slurm.conf, such as --gpus-per-task=1"
        )
    return torch.device("cuda", local_rank % num_gpus)


def log_device() -> None:
    """What this process works on, with a warning where torch cannot use the machine's GPU."""
    import torch

    own = device()
    logger.info("on %s", torch.cuda.get_device_name(own) if own.type == "cuda" else "the CPU")
    if own.type == "cpu" and torch.version.cuda is None and NVIDIA_DRIVER.exists():
        logger.warning(
            "this machine has an NVIDIA GPU, and torch %s cannot use it: tools/install.sh --gpu",
            torch.__version__,
        )


def start(batch_size: int) -> None:
    """Meet the others, once; raises ValueError if they cannot, or not share a batch equally."""
    import torch
    import torch.distributed as dist

    if batch_size % world():
        raise ValueError(
            f"batch_size {batch_size} is not a multiple of the {world()} processes that share it: "
            "choose another --num-processes"
        )
    if world() > 1 and not dist.is_initialized():
        own = device()
        if own.type == "cuda":
            torch.cuda.set_device(own)
        try:
            dist.init_process_group(
                "nccl" if own.type == "cuda" else "gloo",
                rank=rank(),
                world_size=world(),
                timeout=TIMEOUT,
                device_id=own if own.type == "cuda" else None,
            )
        except RuntimeError as error:
            where = f"{os.environ.get('MASTER_ADDR')}:{os.environ.get('MASTER_PORT')}"
            raise ValueError(f"{world()} processes cannot meet at {where}: {error}") from error


def share(items):
    """This process's part of a global batch, an array or list: every rank's is as long."""
    size = len(items) // world()
    return items[rank() * size : (rank() + 1) * size]


def all_reduce(tensor) -> None:
    """Replace a tensor by its sum over the processes, the same bits in each of them.

    Raises ValueError where another process has ended; that one has said why.
    """
    import torch.distributed as dist

    try:
        dist.all_reduce(tensor)
    except RuntimeError as error:
        raise ValueError(f"another process ended, so this one does: {error}") from error


def average(tensors: list) -> None:
    """Replace each tensor by its mean over the processes, the same bits in each of them."""
    if world() == 1:
        return
    import torch

    flat = torch.cat([tensor.flatten() for tensor in tensors])
    all_reduce(flat)
    flat /= world()
    sizes = [tensor.numel() for tensor in tensors]
    for tensor, mean in zip(tensors, flat.split(sizes), strict=True):
        tensor.copy_(mean.view_as(tensor))


def mean_figures(figures: dict) -> dict:
    """The mean of each figure, scalars on the device, over the processes."""
    if world() == 1:
        return figures
    import torch

    values = torch.stack([figure.double() for figure in figures.values()])
    average([values])
    return dict(zip(figures, values.unbind(), strict=True))


def any_of(*flags: bool) -> list[bool]:
    """For each flag whether it is set in any process. All of them go on from here together."""
    if world() == 1:
        return list(flags)
    import torch

    values = torch.tensor(flags, dtype=torch.float32, device=device())
    all_reduce(values)
    return [bool(value) for value in values.tolist()]


def from_first(value):
    """The first process's value, anything that pickle takes; the others' are ignored."""
    if world() == 1:
        return value
    import torch.distributed as dist

    values = [value]
    dist.broadcast_object_list(values, device=device())
    return values[0]
