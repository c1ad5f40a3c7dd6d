"""Several processes as one: the rank of this one, its shard of the work, and how the results are combined.

`torchrun` starts the processes, on one machine or on several that share AMC_DATA and AMC_CACHE, and gives each a rank.
Without it there is one process, and everything here does nothing.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import timedelta
from typing import TypeVar

import torch
from torch import distributed, nn
from torch.nn.parallel import DistributedDataParallel

T = TypeVar("T")
TIMEOUT = timedelta(hours=24)  # the others wait while one process draws or reads
_is_alone: ContextVar[bool] = ContextVar("is_alone", default=False)


@contextmanager
def init() -> Iterator[None]:
    """Join the processes that torchrun started: NCCL and one GPU per process where there are GPUs, else gloo."""
    if int(os.environ.get("WORLD_SIZE", 1)) == 1:
        yield
        return
    has_gpu = torch.cuda.is_available()
    if has_gpu:
        torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
    store, rank, size = next(distributed.rendezvous("env://", timeout=TIMEOUT))
    # When torchrun restarts killed workers it keeps its store, which still holds the addresses of the old ones.
    store = distributed.PrefixStore(f"attempt {os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)
    distributed.init_process_group(
        "nccl" if has_gpu else "gloo", store=store, rank=rank, world_size=size, timeout=TIMEOUT
    )
    try:
        yield
    finally:
        distributed.destroy_process_group()


def world() -> int:
    """How many processes work together."""
    return distributed.get_world_size() if distributed.is_initialized() and not _is_alone.get() else 1


def rank() -> int:
    """Which of them this is, from 0; the first one writes files and logs."""
    return distributed.get_rank() if world() > 1 else 0


@contextmanager
def single_process() -> Iterator[None]:
    """Inside the block, this process works alone: as if it were the only one."""
    token = _is_alone.set(True)
    try:
        yield
    finally:
        _is_alone.reset(token)


def barrier() -> None:
    """Wait until every process has reached this point."""
    if world() > 1:
        distributed.barrier()


def shard(items: Sequence[T]) -> Sequence[T]:
    """This process's part: every `world()`-th of `items`, so that each is in exactly one part."""
    return items[rank() :: world()]


def all_gather(part: list[T]) -> list[T]:
    """The parts of all processes, in the order before `shard`; every process gets all."""
    if world() == 1:
        return part
    parts: list[list[T]] = [[] for _ in range(world())]
    distributed.all_gather_object(parts, part)
    whole = [None] * sum(map(len, parts))
    for start, found in enumerate(parts):
        whole[start :: world()] = found
    return whole


def all_reduce(value: torch.Tensor) -> torch.Tensor:
    """The sum of a tensor over the processes."""
    if world() > 1:
        distributed.all_reduce(value)
    return value


def data_parallel(network: nn.Module) -> nn.Module:
    """The network, with gradients averaged over the processes from now on."""
    if world() == 1:
        return network
    devices = [torch.cuda.current_device()] if next(network.parameters()).is_cuda else None
    return DistributedDataParallel(network, device_ids=devices)
