"""Fit training into a memory limit: count memory without data, then choose batch size and checkpointing.

The clips per step stay the same, and so does the result.
"""

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from amc.base.errors import AmcError
from amc.base.progress import Log
from amc.config import Experiment, Training
from amc.model import Classifier

STATE = 4  # copies of a trained parameter: itself, its gradient, AdamW's two momenta
HALVES = {"cpu": 1.0, "cuda": 0.5}  # of activations: on a GPU autocast keeps most of them in two bytes, not four


@dataclass(frozen=True)
class Memory:
    """Gigabytes that training takes: a fixed part, and a part per video in a batch."""

    fixed: float
    per_video: float
    per_video_checkpointed: float

    def of(self, batch_size: int, *, checkpointing: bool) -> float:
        """Gigabytes at a batch size."""
        return self.fixed + batch_size * (self.per_video_checkpointed if checkpointing else self.per_video)


def plan(cfg: Experiment, model: Classifier, *, device: str = "cpu", log: Log | None = None) -> Training:
    """The training of `cfg` within its memory limit; checkpointing is turned on in `model` if it is needed.

    log: gets one line with the counted memory. Without a limit, at sizes other than paper, training is unchanged and
    nothing is counted. Raises AmcError if the limit is too low.
    """
    training = cfg.training
    if cfg.size != "paper" and not training.memory_limit_gb:
        return training
    slots = (cfg.num_slots, 3, model.preprocess.size, model.preprocess.size)
    counted = count(model, slots, train_windows=training.train_windows, device=device)
    training = fitted(training, counted)
    if training.checkpointing:
        model.checkpoint_blocks()
    if log:
        total = counted.of(training.batch_size, checkpointing=training.checkpointing)
        log(
            f"memory: about {total:.2g} GB per process, {counted.fixed:.2g} of it for weights, gradients and momenta; "
            f"batches of {training.batch_size} videos, {training.grad_accum_steps} per step, "
            f"{'with' if training.checkpointing else 'without'} checkpointing"
        )
    return training


def count(model: Classifier, slots: tuple[int, ...], *, train_windows: int = 1, device: str = "cpu") -> Memory:
    """Memory of training on slots (T, 3, H, W) of `train_windows` windows per video, counted without computing.

    Weights, gradients, momenta, and activations kept for the backward pass. Not counted: Python and torch themselves,
    the CUDA context, workspaces of convolutions, fragmentation.
    """
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in model.network.parameters()]
    fixed = sum(4 * number * (STATE if learns else 1) for number, learns in sizes) / 1e9
    network = copy.deepcopy(model.network)  # without the text tower, which is large
    empty = Classifier(network, model.preprocess, {}, context=model.context).to("meta").train()
    pixels = torch.zeros(train_windows, *slots, dtype=torch.uint8, device="meta")
    scale = HALVES[device] / 1e9
    whole = _kept(empty, pixels) * scale
    blocks = _checkpointed(empty)
    if not blocks:
        return Memory(fixed, whole, whole)
    least = _kept(empty, pixels) * scale
    return Memory(fixed, whole, least + (whole - least) / blocks)  # one block is recomputed at a time


def _checkpointed(model: Classifier) -> int:
    """Turn checkpointing on if the network supports it; returns the number of blocks."""
    try:
        model.checkpoint_blocks()
    except AmcError:
        return 0
    return sum(len(part.blocks) for part in model.modules() if getattr(part, "is_checkpointed", False))


def _kept(model: Classifier, pixels: Tensor) -> int:
    """Bytes that a forward pass keeps for its backward pass, parameters left out."""
    own = {parameter.untyped_storage()._cdata for parameter in model.parameters()}
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = model(pixels)
    size = sum(storage.nbytes() for storage in kept.values())
    del logits
    return size


def fitted(training: Training, counted: Memory) -> Training:
    """The training whose batches fit into `training.memory_limit_gb`; clips per step stay the same.

    The largest batch size that divides them; without checkpointing if one video fits without it. Raises AmcError if
    not even one video fits with it.
    """
    if not training.memory_limit_gb:
        return training
    effective = training.batch_size * training.grad_accum_steps
    for checkpointing in (training.checkpointing, True):
        fits = [
            size
            for size in range(1, effective + 1)
            if effective % size == 0 and counted.of(size, checkpointing=checkpointing) <= training.memory_limit_gb
        ]
        if fits:
            size = max(fits)
            return replace(training, batch_size=size, grad_accum_steps=effective // size, checkpointing=checkpointing)
    least = counted.of(1, checkpointing=True)
    raise AmcError(
        f"memory_limit_gb: one video at a time, with checkpointing, takes about {least:.2g} GB, but the limit is "
        f"{training.memory_limit_gb:g}; choose a smaller backbone or fewer frames"
    )
