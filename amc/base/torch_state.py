"""PyTorch's global state: its default device, and its generator, threads and logging, set for a block and restored."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import torch


def default_device() -> str:
    """cuda if there is a GPU, else cpu."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from `seed` inside the block, then restore the CPU's global generator (GPUs' are seeded too)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


@contextmanager
def one_thread() -> Iterator[None]:
    """Compute with one thread: several on busy cores are slower, and sum in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@contextmanager
def silent_logging(level: int) -> Iterator[None]:
    """Silence log messages of all libraries up to `level`; what fails inside the block is raised as ever."""
    before = logging.root.manager.disable
    logging.disable(level)
    try:
        yield
    finally:
        logging.disable(before)
