"""Mixed precision in training: products of matrices in bfloat16 where the hardware has units for them."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor

from amc.base.errors import choice

VARIABLE = "AMC_PRODUCTS"


def products(device: str) -> str:
    """The type of products: bfloat16 on GPUs and on CPUs with AMX, which compute them up to ten times faster.

    Else float32: a CPU without AMX takes twice as long in bfloat16. AMC_PRODUCTS, one of the two names, overrides it.
    Raises AmcError for another name.
    """
    if named := os.environ.get(VARIABLE):
        choice(VARIABLE, named, ("bfloat16", "float32"))
        return named
    has_amx = torch.cpu._is_amx_tile_supported()  # torch 2.11 has no public name for it
    return "bfloat16" if torch.device(device).type == "cuda" or has_amx else "float32"


def mixed(device: str) -> AbstractContextManager:
    """A context for training and its validation: products of type `products`, all else in float32.

    For the calls of a network alone: PyTorch's autocast has no operations on the float16 of stored motion.
    """
    if products(device) == "float32":
        return nullcontext()
    return torch.autocast(torch.device(device).type, torch.bfloat16)


def calling(network: Callable[[Tensor], Tensor], device: str) -> Callable[[Tensor], Tensor]:
    """The same network, each call of which is `mixed`."""

    def call(inputs: Tensor) -> Tensor:
        with mixed(device):
            return network(inputs)

    return call
