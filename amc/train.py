"""Fit the recogniser: clips and labels in, the weights of the best epoch out (paper sec. 2, training).

A sigmoid and binary cross-entropy a label. Every step draws a new plan for each of its videos and trains the shared
weights on some of its M windows. Each draw is a function of (seed, epoch, clip), and dropout's of (seed, epoch), so a
checkpoint needs no state of any generator and an interrupted run goes on bit for bit on the CPU.

Under torchrun the clips of every step are divided over the processes, and a step takes the mean over all its clips
however they lie: the same step as one process's, but for the order of sums. Dropout draws anew in every process, and
BatchNorm sees its own clips only; our own model has neither.
"""

import math
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader

from amc.base import checkpoint, distributed
from amc.base.errors import AmcError
from amc.base.progress import Report, told
from amc.config import Training
from amc.datasets.clips import ClipViews


@dataclass
class Fit:
    """How a training went: one entry an epoch, and the epoch whose weights the model now has (counted from 1)."""

    losses: list[float]
    validation: list[float]  # mAP on the validation split
    best_epoch: int
    seconds: float  # of training and validation, also in earlier calls that were interrupted


# X-CLIP's momenta for the transformers; SlowFast's for the convolutional networks of Table 1.
OPTIMIZERS = {
    "adamw": partial(torch.optim.AdamW, betas=(0.9, 0.98), fused=True),
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True, fused=True),
}


def fit(
    model: nn.Module,
    recognise: Callable[[Tensor], Tensor],
    views: ClipViews,
    validate: Callable[[], float],
    cfg: Training,
    *,
    seed: int,
    folder: Path,
    device: str = "cpu",
    report: Report | None = None,
) -> Fit:
    """Train `model` in place, and leave it with the weights of the epoch that `validate` rated highest.

    recognise: uint8 slots (B, T, 3, H, W) to logits (B, C), through `model`. validate: the model's mAP on validation
    data. folder: keeps `last.pt` after every epoch, from which a later call goes on. report: gets one line an epoch;
    without it a progress bar is shown. Raises AmcError when the loss, or a weight, is no longer finite.
    """
    started, (optimizer, schedule) = time.perf_counter(), _optimizer(model, cfg, len(views))
    network = distributed.replicated(_Network(model, recognise))
    state = _load(folder / "last.pt") or {"epoch": 0, "losses": [], "validation": [], "best": {}, "seconds": 0.0}
    before, first = state["seconds"], state["epoch"]
    if state["epoch"]:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        schedule.load_state_dict(state["schedule"])
    for epoch in range(state["epoch"], cfg.epochs):
        with torch.random.fork_rng(devices=[]):  # dropout knows no other generator than the global one
            torch.manual_seed(_seed(seed, epoch) + 2**40 * distributed.rank())
            loss = _epoch(network, views, cfg, epoch, optimizer, schedule, seed, device, report)
        checkpoint.refuse_non_finite(model.state_dict(), f"training: epoch {epoch + 1}", f"lower lr, now {cfg.lr}")
        state["losses"].append(loss)
        state["validation"].append(validate())
        if state["validation"][-1] >= max(state["validation"]):
            state["best"] = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        spent = time.perf_counter() - started
        state |= {"epoch": epoch + 1, "model": model.state_dict(), "seconds": before + spent}
        if distributed.rank() == 0:
            now = state | {"optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
            checkpoint.save_state(folder / "last.pt", now)
        if report:
            left, rated = spent / (epoch + 1 - first) * (cfg.epochs - epoch - 1), 100 * state["validation"][-1]
            report(f"epoch {epoch + 1}/{cfg.epochs}  loss {loss:.3f}  validation mAP {rated:.1f} %  {left:.0f} s left")
    model.load_state_dict(state["best"])
    best = max(range(cfg.epochs), key=lambda e: (state["validation"][e], e)) + 1
    return Fit(state["losses"], state["validation"], best, state["seconds"])


def start_bias(logits: Tensor, labels: Tensor) -> Tensor:
    """What to add to logits (B, C) so that their mean is the log odds of labels (B, C), 0 or 1, on average.

    Binary cross-entropy on 100 times CLIP's cosines starts from "every behaviour, almost surely", and the first epochs
    go into unlearning that, and the pre-training with it. The paper does not say how it starts.
    """
    rate = labels.nanmean().clamp(1e-4, 1 - 1e-4)  # NaN: a label that training is never told
    return torch.logit(rate) - logits.mean()


class _Network(nn.Module):
    """From slots to logits as one module, whose forward is what several processes have to agree on."""

    def __init__(self, model: nn.Module, recognise: Callable[[Tensor], Tensor]):
        super().__init__()
        self.model, self.recognise = model, recognise

    def forward(self, slots: Tensor) -> Tensor:
        return self.recognise(slots)


def _epoch(network, views, cfg, epoch, optimizer, schedule, seed, device, report) -> float:
    """One pass over the training clips, in an order drawn for the epoch; the mean loss."""
    network.train()
    batches = [batch for step in _steps(len(views), cfg, seed, epoch) for batch in step]
    keys = [[(epoch, index) for index in batch.clips] for batch in batches]
    loader = DataLoader(views, batch_sampler=keys, num_workers=cfg.workers)
    autocast = torch.autocast("cuda", torch.bfloat16) if device == "cuda" else nullcontext()  # on CPUs bf16 is slower
    total = torch.zeros((), device=device)
    what = f"epoch {epoch + 1}/{cfg.epochs}"
    pictures = told(loader, what, total=len(batches), unit="batches", report=report)
    for batch, (slots, labels) in zip(batches, pictures, strict=True):
        clips = slots.flatten(0, 1).to(device, non_blocking=True)  # (B * K, T, 3, H, W)
        targets = labels.repeat_interleave(slots.shape[1], dim=0).to(device, non_blocking=True)
        is_shared = batch.is_last or distributed.world() == 1
        with autocast, nullcontext() if is_shared else network.no_sync():
            loss = _loss(network(clips).float(), targets)
            (loss * batch.weight * distributed.world()).backward()  # several processes take the mean of their gradients
        total += loss.detach() * batch.weight
        if batch.is_last:
            optimizer.step()
            schedule.step()
            optimizer.zero_grad(set_to_none=True)
    network.eval()
    mean = distributed.summed(total).item() / sum(batch.is_last for batch in batches)
    if not math.isfinite(mean):
        raise AmcError(
            f"training: the loss is no longer finite in epoch {epoch + 1}; lower lr, now {cfg.lr}, of Training"
        )
    return mean


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over clips and labels (B, C); a label that is NaN is not told, and left out."""
    told = ~targets.isnan()
    losses = F.binary_cross_entropy_with_logits(logits, targets.nan_to_num(), reduction="none")
    return (losses * told).sum() / told.sum()


class _Batch(NamedTuple):
    """Clips that go through the model at once; their part of a step's mean; whether they are its last in a process."""

    clips: list[int]
    weight: float
    is_last: bool


def _steps(count: int, cfg: Training, seed: int, epoch: int) -> Iterator[list[_Batch]]:
    """This process's batches of each step: `batch * accumulate` clips, divided evenly over the processes."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(_seed(seed, epoch))).tolist()
    size = cfg.batch_size * cfg.grad_accum_steps
    for start in range(0, count, size):
        clips = order[start : start + size]
        at_once = min(cfg.batch_size, math.ceil(len(clips) / distributed.world()))
        parts = [clips[first : first + at_once] for first in range(0, len(clips), at_once)]
        own = [(part, len(part) / len(clips)) for part in distributed.mine(parts)]
        own = own or [(clips[:1], 0.0)]  # fewer clips than processes: this one only keeps step
        yield [_Batch(part, weight, n == len(own)) for n, (part, weight) in enumerate(own, start=1)]


def _seed(seed: int, epoch: int) -> int:
    return seed * 1_000_003 + epoch


def _optimizer(model: nn.Module, cfg: Training, num_clips: int):
    """The optimizer and, over steps, a linear warm-up and a cosine to a hundredth (X-CLIP)."""
    groups = model.parameter_groups(cfg.lr, lr_mult=cfg.lr_mult, weight_decay=cfg.weight_decay)
    optimizer = OPTIMIZERS[cfg.optimizer](groups)
    steps = math.ceil(math.ceil(num_clips / cfg.batch_size) / cfg.grad_accum_steps)

    def rate(step: int) -> float:
        warm, whole = cfg.warm_up * steps, cfg.epochs * steps
        if step < warm:
            return min((step + 1) / warm, 1)
        return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warm) / max(whole - warm, 1)))

    return optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, rate)


def _load(path: Path) -> dict | None:
    """The checkpoint that `fit` left, None where there is none; a damaged one is announced and not used."""
    if not path.exists():
        return None
    try:
        return checkpoint.load_state(path)
    except ValueError as error:
        what = f"{path}: the checkpoint is damaged; training starts from the first epoch"
        warnings.warn(f"{what} ({error})", stacklevel=3)
        return None
