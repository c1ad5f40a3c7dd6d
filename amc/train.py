"""Fit a classifier: clips and labels in, the weights with the lowest validation loss out (paper sec. 2, training).

A sigmoid and binary cross-entropy per label. Every step draws a new plan for each of its videos and trains the shared
weights on some of its M windows. If `ema_epochs` is set, the weights that are validated and kept are an average over
the last steps (Polyak averaging), which depends less on the step where training stops. Each draw depends only on
(seed, epoch, clip), dropout only on (seed, epoch): a checkpoint needs no generator state, and interrupted training
continues bit for bit on the CPU.

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

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn
from torch.utils.data import DataLoader, Dataset

from amc.base import checkpoint, distributed, precision, processes
from amc.base.errors import AmcError
from amc.base.progress import Log, progress
from amc.base.torch_state import seeded
from amc.config import Training
from amc.model import Classifier
from amc.model.vision import FrameEncoder


class Validation(NamedTuple):
    """A model on validation data."""

    loss: float  # binary cross-entropy, as in training
    map_micro: float


@dataclass
class Fit:
    """How a training went: one entry per epoch, and the epoch whose weights the model now has (counted from 1)."""

    losses: list[float]
    validation_losses: list[float]  # of the weights that would be kept
    validation: list[float]  # their micro mAP on the validation split
    best_epoch: int  # the one with the lowest validation loss
    is_improving: bool  # the lowest validation loss came less than `patience` epochs before the last one
    seconds: float  # of training and validation, including earlier calls that were interrupted


# X-CLIP's momenta for the transformers; SlowFast's for the convolutional networks of Table 1.
OPTIMIZERS = {
    "adamw": partial(torch.optim.AdamW, betas=(0.9, 0.98), fused=True),
    "sgd": partial(torch.optim.SGD, momentum=0.9, nesterov=True, fused=True),
}

# The learning rate, relative to its highest, at a part (0 to 1) of the training after the warm-up.
SCHEDULES = {
    "cosine": lambda part: 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * part)),  # to 1 % (X-CLIP)
    "constant": lambda part: 1.0,  # for averaged weights, whose training may end at any epoch
}


def fit(
    model: Classifier,
    clips: Dataset,
    validate: Callable[[Classifier], Validation],
    cfg: Training,
    *,
    seed: int,
    folder: Path,
    device: str = "cpu",
    log: Log | None = None,
) -> Fit:
    """Train `model` in place, and leave it with the weights of the epoch that had the lowest loss in `validate`.

    Training ends after `epochs`, or before when the validation loss has not fallen for `patience` epochs. clips: item
    (epoch, index) is uint8 slots (K, T, 3, H, W) and labels (C,), as `datasets.clips.ClipViews` gives them. folder:
    keeps `last.pt` after every epoch; a later call continues from it. log: gets one line per epoch; None shows a
    progress bar. Raises AmcError when the loss or a weight is no longer finite.
    """
    started, loop = time.perf_counter(), _Loop(model, clips, cfg, seed, device)
    state = _load(folder / checkpoint.LAST) or {"epoch": 0, "losses": [], "validation": [], "best": {}, "seconds": 0.0}
    before, first, validations = state["seconds"], state["epoch"], [Validation(*each) for each in state["validation"]]
    if state["epoch"]:
        loop.load_state_dict(state)
    while len(validations) < cfg.epochs and not _is_over(validations, cfg.patience):
        epoch = len(validations)
        state["losses"].append(loop.run(epoch, log))
        checkpoint.refuse_non_finite(model.state_dict(), f"training: epoch {epoch + 1}", f"lower lr, now {cfg.lr}")
        validations.append(validate(loop.averaged))
        if _best(validations) == len(validations):
            state["best"] = {name: value.detach().cpu().clone() for name, value in loop.averaged.state_dict().items()}
        spent = time.perf_counter() - started
        state |= {"epoch": epoch + 1, "validation": [tuple(each) for each in validations], "seconds": before + spent}
        if distributed.rank() == 0:
            checkpoint.save_state(folder / checkpoint.LAST, state | loop.state_dict())
        if log:
            left = spent / (epoch + 1 - first) * (cfg.epochs - epoch - 1)
            scored = f"validation loss {validations[-1].loss:.4f}, micro mAP {100 * validations[-1].map_micro:.1f} %"
            log(f"epoch {epoch + 1}/{cfg.epochs}  loss {state['losses'][-1]:.4f}  {scored}  at most {left:.0f} s left")
    model.load_state_dict(state["best"])
    losses, maps = [each.loss for each in validations], [each.map_micro for each in validations]
    is_improving = not _is_over(validations, cfg.patience or max(1, cfg.epochs // 4))
    return Fit(state["losses"], losses, maps, _best(validations), is_improving, state["seconds"])


def _best(validations: list[Validation]) -> int:
    """The epoch with the lowest validation loss, from 1; the later one among equals."""
    return min(range(len(validations)), key=lambda epoch: (validations[epoch].loss, -epoch)) + 1


def _is_over(validations: list[Validation], patience: int) -> bool:
    """Whether the validation loss has not fallen for `patience` epochs; 0: never."""
    return bool(patience and validations) and len(validations) - _best(validations) >= patience


def prior_bias(logits: Tensor, labels: Tensor) -> Tensor:
    """The bias that moves the mean of logits (B, C) to the log odds of the mean of labels (B, C), 0 or 1.

    Without it, 100 times CLIP's cosines make every behaviour almost certain at first; the first epochs undo that, and
    with it part of the pre-training. The paper does not say how it starts.
    """
    rate = labels.nanmean().clamp(1e-4, 1 - 1e-4)  # NaN: a label that is hidden in training
    return torch.logit(rate) - logits.mean()


class _Loop:
    """The training loop: batches, optimizer and schedule around a classifier."""

    def __init__(self, model: Classifier, clips: Dataset, cfg: Training, seed: int, device: str):
        self.model, self.cfg, self.seed, self.device = model, cfg, seed, device
        self.network = distributed.data_parallel(model)
        self.average = None
        if cfg.ema_epochs:
            decay = math.exp(-1 / (cfg.ema_epochs * _steps_per_epoch(cfg, len(clips))))
            self.average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
        self.towers = [part for part in model.modules() if isinstance(part, FrameEncoder)] if cfg.patch_dropout else []
        self.optimizer, self.schedule = _optimizer(model, cfg, len(clips))
        self.batches = _Batches(len(clips), cfg, seed)
        self.loader = DataLoader(  # workers live as long as the loader: they import torch once, not every epoch
            clips, batch_sampler=self.batches, num_workers=cfg.workers, persistent_workers=cfg.workers > 0,
            pin_memory=device == "cuda",
        )  # fmt: skip

    @property
    def averaged(self) -> Classifier:
        """The model to validate and to keep: the averaged one, if weights are averaged."""
        return self.average.module if self.average else self.model

    def run(self, epoch: int, log: Log | None) -> float:
        """One pass over the training clips, in an order drawn for the epoch; returns the mean loss."""
        with seeded(_seed(self.seed, epoch) + 2**40 * distributed.rank()):  # dropout uses the global generator only
            self.model.train()
            batches = self.batches.draw(epoch)
            total, name = torch.zeros((), device=self.device), f"epoch {epoch + 1}/{self.cfg.epochs}"
            loaded = progress(processes.loading(self.loader), name, total=len(batches), unit="batches", log=log)
            for batch, (slots, labels) in zip(batches, loaded, strict=True):
                total += self._backward(slots, labels, batch)
                if batch.is_last:
                    self.optimizer.step()
                    self.schedule.step()
                    self.optimizer.zero_grad(set_to_none=True)
                    if self.average:
                        self.average.update_parameters(self.model)
            self.model.eval()
            self.averaged.eval()
            for tower in self.towers:
                tower.kept = None
        mean = distributed.all_reduce(total).item() / sum(batch.is_last for batch in batches)
        if not math.isfinite(mean):
            raise AmcError(f"training: the loss is not finite in epoch {epoch + 1}; lower lr, now {self.cfg.lr}")
        return mean

    def _backward(self, slots: Tensor, labels: Tensor, batch: "_Batch") -> Tensor:
        """Add the gradients of one batch, slots (B, K, T, 3, H, W); returns its part of the step's loss."""
        clips = slots.flatten(0, 1).to(self.device, non_blocking=True)  # (B * K, T, 3, H, W)
        for tower in self.towers:
            kept = torch.stack([self._kept(tower, index) for index in batch.clips])
            tower.kept = kept.repeat_interleave(slots.shape[1], dim=0).to(self.device)
        targets = labels.repeat_interleave(slots.shape[1], dim=0).to(self.device, non_blocking=True)
        is_shared = batch.is_last or distributed.world() == 1
        with precision.mixed(self.device), nullcontext() if is_shared else self.network.no_sync():
            loss = bce(self.network(clips).float(), targets)
            (loss * batch.weight * distributed.world()).backward()  # gradients are averaged over processes
        return loss.detach() * batch.weight

    def _kept(self, tower: FrameEncoder, index: int) -> Tensor:
        """The patches of a clip that this epoch keeps, drawn by (seed, epoch, clip): (K,)."""
        rng = np.random.default_rng([self.seed, self.batches.epoch, index, 3])
        count = len(tower.positions) - 1
        return torch.from_numpy(rng.permutation(count)[: max(1, round(count * (1 - self.cfg.patch_dropout)))])

    def state_dict(self) -> dict:
        """What a later call needs to continue."""
        return {name: part.state_dict() for name, part in self._parts().items()}

    def load_state_dict(self, state: dict) -> None:
        """Continue from what `state_dict` returned."""
        for name, part in self._parts().items():
            part.load_state_dict(state[name])

    def _parts(self) -> dict:
        parts = {"model": self.model, "optimizer": self.optimizer, "schedule": self.schedule}
        return parts | ({"average": self.average} if self.average else {})


def bce(logits: Tensor, targets: Tensor) -> Tensor:
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


def _steps_per_epoch(cfg: Training, num_clips: int) -> int:
    return math.ceil(math.ceil(num_clips / cfg.batch_size) / cfg.grad_accum_steps)


def _optimizer(model: Classifier, cfg: Training, num_clips: int):
    """The optimizer and its schedule per step: linear warm-up, then a key of SCHEDULES."""
    groups = model.parameter_groups(cfg.lr, lr_mult=cfg.lr_mult, weight_decay=cfg.weight_decay)
    optimizer = OPTIMIZERS[cfg.optimizer](groups)
    steps = _steps_per_epoch(cfg, num_clips)

    def rate(step: int) -> float:
        warm, whole = cfg.warm_up * steps, cfg.epochs * steps
        if step < warm:
            return min((step + 1) / warm, 1)
        return SCHEDULES[cfg.schedule]((step - warm) / max(whole - warm, 1))

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
