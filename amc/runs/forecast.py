"""What training will take, told before it starts: memory counted on a network without data, time from a measured step.

Memory decides how many videos go through the model at once; the clips of a step stay the same, and so does the result.
"""

import copy
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from amc.base import distributed
from amc.base.errors import AmcError
from amc.config import Experiment, Training
from amc.model import System

STATE = 4  # copies of a trained parameter: itself, its gradient, AdamW's two momenta
HALVES = {"cpu": 1.0, "cuda": 0.5}  # of activations: on a GPU autocast keeps most of them in two bytes, not four


@dataclass(frozen=True)
class Memory:
    """Gigabytes of training: whatever the batch is, and for each video that goes through the model at once."""

    fixed: float
    a_video: float
    a_video_checkpointed: float

    def of(self, batch: int, *, checkpointing: bool) -> float:
        """Gigabytes at a batch."""
        return self.fixed + batch * (self.a_video_checkpointed if checkpointing else self.a_video)


def plan(
    cfg: Experiment,
    system: System,
    clips: dict[str, int],
    *,
    device: str = "cpu",
    report: Callable[[str], None] | None = None,
) -> Training:
    """The training of `cfg` as `training.memory_limit_gb` can hold it; checkpointing is turned on in `system` where it must be.

    clips: how many, by split. report: gets the forecast. At other sizes than paper, and where no memory is given, the
    training stays as it is and nothing is measured. Raises AmcError where the memory does not suffice.
    """
    training = cfg.training
    if cfg.size != "paper" and not training.memory_limit_gb:
        return training
    slots = (cfg.num_slots, 3, system.preprocess.size, system.preprocess.size)
    found = memory(system, slots, views=training.train_windows, device=device)
    training = fitted(training, found)
    if training.checkpointing:
        system.checkpoint_blocks()
    if report:
        a_step = seconds(system, slots, device=device)
        for line in lines(found, training, a_step, clips, cfg.sampling.num_windows):
            report(line)
    return training


def memory(system: System, slots: tuple[int, ...], *, views: int = 1, device: str = "cpu") -> Memory:
    """Memory of training a system on slots (T, 3, H, W) of `views` windows a video, counted without computing.

    Weights, gradients and momenta, and what the forward pass keeps for the backward one. Without Python and torch
    themselves, the CUDA context, the workspace of convolutions and what the allocator wastes. Measured on a CPU, where
    Python and torch take 0.7 GB, with ViT-B/16 and two videos of eight slots: 4.9 counted, 5.2 at the peak of the
    process; with checkpointing 2.5 and 3.2.
    """
    sizes = [(parameter.numel(), parameter.requires_grad) for parameter in system.module.parameters()]
    fixed = sum(4 * count * (STATE if learns else 1) for count, learns in sizes) / 1e9
    nothing = replace(
        system,
        module=copy.deepcopy(system.module).to("meta").train(),
        context=tuple(part.to("meta") for part in system.context),
    )
    pixels = torch.zeros(views, *slots, dtype=torch.uint8, device="meta")
    scale = HALVES[device] / 1e9
    whole = _kept(nothing, pixels) * scale
    blocks = _checkpointed(nothing)
    if not blocks:
        return Memory(fixed, whole, whole)
    least = _kept(nothing, pixels) * scale
    return Memory(fixed, whole, least + (whole - least) / blocks)  # one block's inside is there at a time


def _checkpointed(system: System) -> int:
    """Turn checkpointing on where the system knows it; how many blocks that concerns."""
    try:
        system.checkpoint_blocks()
    except AmcError:
        return 0
    return sum(len(part.blocks) for part in system.module.modules() if getattr(part, "is_checkpointed", False))


def _kept(system: System, pixels: Tensor) -> int:
    """Bytes that a forward pass keeps for its backward pass, the parameters themselves left out."""
    own = {parameter.untyped_storage()._cdata for parameter in system.module.parameters()}
    kept = {}

    def keep(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        if storage._cdata not in own:
            kept[storage._cdata] = storage
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        logits = system.recognise(pixels)
    size = sum(storage.nbytes() for storage in kept.values())
    del logits
    return size


def fitted(training: Training, found: Memory) -> Training:
    """The training whose batches fit into `training.memory_limit_gb` gigabytes; batch times accumulate stays what it is.

    The largest batch that divides them without checkpointing, or with it where not even one video fits. Raises AmcError
    where that does not fit either.
    """
    if not training.memory_limit_gb:
        return training
    effective = training.batch_size * training.grad_accum_steps
    for checkpointing in (training.checkpointing, True):
        fits = [
            batch
            for batch in range(1, effective + 1)
            if effective % batch == 0 and found.of(batch, checkpointing=checkpointing) <= training.memory_limit_gb
        ]
        if fits:
            batch = max(fits)
            return replace(training, batch=batch, grad_accum_steps=effective // batch, checkpointing=checkpointing)
    least = found.of(1, checkpointing=True)
    raise AmcError(
        f"memory: one video at a time, with checkpointing, takes about {least:.2g} GB, but {training.memory_limit_gb:g} were "
        "given; choose a smaller backbone or fewer frames"
    )


def seconds(system: System, slots: tuple[int, ...], *, device: str = "cpu") -> float:
    """Seconds of a training step on one video's slots (T, 3, H, W), measured once on this machine, as it is now."""
    pixels = torch.zeros(1, *slots, dtype=torch.uint8, device=device)
    was_training = system.module.training
    system.module.train()
    rounds = 3 if device == "cuda" else 1  # the first on a GPU chooses its kernels
    for _ in range(rounds):
        started = _now(device)
        with torch.autocast("cuda", torch.bfloat16, enabled=device == "cuda"):
            logits = system.recognise(pixels)
        logits.float().mean().backward()
        spent = _now(device) - started
    system.module.zero_grad(set_to_none=True)
    system.module.train(was_training)
    return spent


def _now(device: str) -> float:
    if device == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter()


def lines(found: Memory, training: Training, a_step: float, clips: dict[str, int], num_windows: int) -> tuple[str, str]:
    """Memory, and time of all epochs with their validation, on all processes: what is told before the first step.

    a_step: seconds, measured as the training will run. A forward pass is taken to be a third of a step, or a fourth
    with checkpointing, which computes it twice.
    """
    forward = a_step / (4 if training.checkpointing else 3)
    trained = clips["train"] * training.train_windows * training.epochs * a_step
    scored = (clips["val"] * (training.epochs + 1) + clips["test"]) * num_windows * forward
    hours = (trained + scored) / distributed.world() / 3600
    steps = math.ceil(clips["train"] / (training.batch_size * training.grad_accum_steps)) * training.epochs
    gigabytes = found.of(training.batch_size, checkpointing=training.checkpointing)
    return (
        f"forecast of memory: {gigabytes:.2g} GB a process: {found.fixed:.2g} for weights, gradients and momenta, the "
        f"rest for batches of {training.batch_size} videos, {training.grad_accum_steps} a step, "
        f"{'with' if training.checkpointing else 'without'} checkpointing",
        f"forecast of time: {hours:.1f} h for {steps} steps over {clips['train']} clips and scoring, from one step of "
        f"{a_step:.2f} s on one video; larger batches on a GPU, or waiting for videos, may change that",
    )
