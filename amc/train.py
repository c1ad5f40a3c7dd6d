"""Fit a classifier: clips and labels in, the weights of the best epoch out (paper sec. 2, training).

A sigmoid and binary cross-entropy per label. Every step draws a new plan for each of its videos and trains the shared
weights on some of its M windows. Each draw depends only on (seed, epoch, clip), dropout only on (seed, epoch): a
checkpoint needs no generator state, and interrupted training continues bit for bit on the CPU.

Under torchrun the clips of every step are divided over the processes, and a step takes the mean over all its clips:
the same step as with one process, except for the order of summation. Each process draws its own dropout, and BatchNorm
sees only the clips of its process; our own model has neither.
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
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from amc.base import checkpoint, distributed
from amc.base.errors import AmcError
from amc.base.progress import Log, progress
from amc.config import Training
from amc.model import Classifier


@dataclass
class Fit:
    """How a training went: one entry per epoch, and the epoch whose weights the model now has (counted from 1)."""

    losses: list[float]
    validation: list[float]  # mAP on the validation split
    best_epoch: int
    seconds: float  # of training and validation, including earlier calls that were interrupted


# X-CLIP's momenta for the transformers; SlowFast's for the convolutional networks of Table 1.
OPTIMIZERS = {
    "adamw": partial(torch.optim.AdamW, betas=(0.9, 0.98), fused=True),
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True, fused=True),
}


def fit(
    model: Classifier,
    clips: Dataset,
    validate: Callable[[], float],
    cfg: Training,
    *,
    seed: int,
    folder: Path,
    device: str = "cpu",
    log: Log | None = None,
) -> Fit:
    """Train `model` in place, and leave it with the weights of the epoch that scored highest in `validate`.

    clips: item (epoch, index) is uint8 slots (K, T, 3, H, W) and labels (C,), as `datasets.clips.ClipViews` gives them.
    validate: the model's mAP on validation data. folder: keeps `last.pt` after every epoch; a later call continues
    from it. log: gets one line per epoch; None shows a progress bar. Raises AmcError when the loss or a weight is no
    longer finite.
    """
    started, loop = time.perf_counter(), _Loop(model, clips, cfg, seed, device)
    state = _load(folder / "last.pt") or {"epoch": 0, "losses": [], "validation": [], "best": {}, "seconds": 0.0}
    before, first = state["seconds"], state["epoch"]
    if state["epoch"]:
        loop.load_state_dict(state)
    for epoch in range(state["epoch"], cfg.epochs):
        state["losses"].append(loop.run(epoch, log))
        checkpoint.refuse_non_finite(model.state_dict(), f"training: epoch {epoch + 1}", f"lower lr, now {cfg.lr}")
        state["validation"].append(validate())
        if state["validation"][-1] >= max(state["validation"]):
            state["best"] = {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
        spent = time.perf_counter() - started
        state |= {"epoch": epoch + 1, "seconds": before + spent}
        if distributed.rank() == 0:
            checkpoint.save_state(folder / "last.pt", state | loop.state_dict())
        if log:
            left, rated = spent / (epoch + 1 - first) * (cfg.epochs - epoch - 1), 100 * state["validation"][-1]
            loss = state["losses"][-1]
            log(f"epoch {epoch + 1}/{cfg.epochs}  loss {loss:.3f}  validation mAP {rated:.1f} %  {left:.0f} s left")
    model.load_state_dict(state["best"])
    best = max(range(cfg.epochs), key=lambda e: (state["validation"][e], e)) + 1
    return Fit(state["losses"], state["validation"], best, state["seconds"])


def prior_bias(logits: Tensor, labels: Tensor) -> Tensor:
    """The bias that moves the mean of logits (B, C) to the log odds of the mean of labels (B, C), 0 or 1.

    Without it, 100 times CLIP's cosines make every behaviour almost certain at the start; the first epochs of binary
    cross-entropy unlearn that, and the pre-training with it. The paper does not say how it starts.
    """
    rate = labels.nanmean().clamp(1e-4, 1 - 1e-4)  # NaN: a label that is hidden in training
    return torch.logit(rate) - logits.mean()


class _Loop:
    """The training loop: batches, optimizer and schedule around a classifier."""

    def __init__(self, model: Classifier, clips: Dataset, cfg: Training, seed: int, device: str):
        self.model, self.cfg, self.seed, self.device = model, cfg, seed, device
        self.network = distributed.data_parallel(model)
        self.optimizer, self.schedule = _optimizer(model, cfg, len(clips))
        self.batches = _Batches(len(clips), cfg, seed)
        self.loader = DataLoader(  # workers live as long as the loader: they import torch once, not every epoch
            clips, batch_sampler=self.batches, num_workers=cfg.workers, persistent_workers=cfg.workers > 0,
            pin_memory=device == "cuda",
        )  # fmt: skip

    def run(self, epoch: int, log: Log | None) -> float:
        """One pass over the training clips, in an order drawn for the epoch; returns the mean loss."""
        with torch.random.fork_rng(devices=[]):  # dropout uses the global generator only
            torch.manual_seed(_seed(self.seed, epoch) + 2**40 * distributed.rank())
            self.model.train()
            batches = self.batches.draw(epoch)
            total, name = torch.zeros((), device=self.device), f"epoch {epoch + 1}/{self.cfg.epochs}"
            loaded = progress(self.loader, name, total=len(batches), unit="batches", log=log)
            for batch, (slots, labels) in zip(batches, loaded, strict=True):
                total += self._backward(slots, labels, batch)
                if batch.is_last:
                    self.optimizer.step()
                    self.schedule.step()
                    self.optimizer.zero_grad(set_to_none=True)
            self.model.eval()
        mean = distributed.all_reduce(total).item() / sum(batch.is_last for batch in batches)
        if not math.isfinite(mean):
            raise AmcError(f"training: the loss is not finite in epoch {epoch + 1}; lower lr, now {self.cfg.lr}")
        return mean

    def _backward(self, slots: Tensor, labels: Tensor, batch: "_Batch") -> Tensor:
        """Add the gradients of one batch, slots (B, K, T, 3, H, W); returns its part of the step's loss."""
        clips = slots.flatten(0, 1).to(self.device, non_blocking=True)  # (B * K, T, 3, H, W)
        targets = labels.repeat_interleave(slots.shape[1], dim=0).to(self.device, non_blocking=True)
        is_shared = batch.is_last or distributed.world() == 1
        on_gpu = self.device == "cuda"  # on CPUs bfloat16 is slower
        autocast = torch.autocast("cuda", torch.bfloat16) if on_gpu else nullcontext()
        with autocast, nullcontext() if is_shared else self.network.no_sync():
            loss = _loss(self.network(clips).float(), targets)
            (loss * batch.weight * distributed.world()).backward()  # gradients are averaged over processes
        return loss.detach() * batch.weight

    def state_dict(self) -> dict:
        """What a later call needs to continue."""
        parts = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        return {name: part.state_dict() for name, part in parts.items()}

    def load_state_dict(self, state: dict) -> None:
        """Continue from what `state_dict` returned."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.schedule.load_state_dict(state["schedule"])


def _loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Binary cross-entropy, the mean over clips and labels (B, C); NaN labels are hidden, and left out."""
    is_known = ~targets.isnan()
    losses = F.binary_cross_entropy_with_logits(logits, targets.nan_to_num(), reduction="none")
    return (losses * is_known).sum() / is_known.sum()


class _Batch(NamedTuple):
    """Clips of one forward pass, their weight in the step's mean, and whether it is this process's last in the step."""

    clips: list[int]
    weight: float
    is_last: bool


class _Batches:
    """The batches of one epoch for this process: a batch sampler whose keys are (epoch, clip index)."""

    def __init__(self, count: int, cfg: Training, seed: int):
        self.count, self.cfg, self.seed = count, cfg, seed
        self.epoch, self.batches = 0, []

    def draw(self, epoch: int) -> list[_Batch]:
        """Draw the batches of an epoch; iterating yields them from now on."""
        self.epoch = epoch
        self.batches = [batch for step in _steps(self.count, self.cfg, self.seed, epoch) for batch in step]
        return self.batches

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for batch in self.batches:
            yield [(self.epoch, index) for index in batch.clips]


def _steps(count: int, cfg: Training, seed: int, epoch: int) -> Iterator[list[_Batch]]:
    """This process's batches per step: `batch_size * grad_accum_steps` clips, divided evenly over the processes."""
    order = torch.randperm(count, generator=torch.Generator().manual_seed(_seed(seed, epoch))).tolist()
    size = cfg.batch_size * cfg.grad_accum_steps
    for start in range(0, count, size):
        clips = order[start : start + size]
        batch_size = min(cfg.batch_size, math.ceil(len(clips) / distributed.world()))
        parts = [clips[first : first + batch_size] for first in range(0, len(clips), batch_size)]
        own = [(part, len(part) / len(clips)) for part in distributed.shard(parts)]
        own = own or [(clips[:1], 0.0)]  # fewer clips than processes: this one takes part with weight 0
        yield [_Batch(part, weight, n == len(own)) for n, (part, weight) in enumerate(own, start=1)]


def _seed(seed: int, epoch: int) -> int:
    return seed * 1_000_003 + epoch


def _optimizer(model: Classifier, cfg: Training, num_clips: int):
    """The optimizer and its schedule per step: linear warm-up, then cosine decay to 1 % (X-CLIP)."""
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
    """The checkpoint that `fit` left, None where there is none; a damaged one is ignored with a warning."""
    if not path.exists():
        return None
    try:
        return checkpoint.load_state(path)
    except ValueError as error:
        what = f"{path}: the checkpoint is damaged; training starts from the first epoch"
        warnings.warn(f"{what} ({error})", stacklevel=3)
        return None
