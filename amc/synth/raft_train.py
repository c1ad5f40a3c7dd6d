"""Train RAFT-small from scratch on drawn pairs with their true flow: `python -m amc flow train`.

The recipe is RAFT's (Teed and Deng, sec. 3.4 and 4): the flow of every update is compared with the truth, later ones
weigh more; clipped gradients, warm-up and linear decay, and mixed precision where the hardware is faster with it. We
use smaller pictures, fewer pairs, fewer updates per step, Muon instead of AdamW (see `RaftOptimizer`), and a constant
rate between warm-up and decay, so that a run can be made longer or shorter before the decay.
The weights with the lowest validation error are kept (`raft_card.ship`). A run that starts from the bundled weights
adds to their counts. Under torchrun every process draws one chunk of pairs per step, and gradients are averaged.
"""

import dataclasses
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from amc.base import bundled, checkpoint, distributed, processes
from amc.base.errors import AmcError, choice
from amc.base.parameters import whole
from amc.base.progress import Log, progress, silent
from amc.base.torch_state import seeded
from amc.raft import refine, weights
from amc.synth import generate, pairs
from amc.synth.raft_optimizer import RaftOptimizer, rate

SEEDS = {"train": 20_001, "validation": 20_002, "held-out": 20_003}  # of pairs; different from those of clips
CHUNKS = 48  # of pairs, in the validation set and in the held-out set
KINDS = {2: "wide", 3: "large"}  # names of pairs by picture side in units of `pairs.SIZE`
PRECISIONS = ("bfloat16", "float32")
DISCOUNT = 0.8  # weight of an update's loss relative to the next one's (RAFT sec. 3.4)
CLIP = 1.0  # norm of the gradient (RAFT's code)
STATE, BEST = "state.pt", "best.safetensors"  # in the folder of a run: to continue from, and to bundle
EVERY = 500  # steps between validations; each also writes the state to continue from


@dataclass(frozen=True)
class Recipe:
    """Settings of a run; `python -m amc flow train` has options for steps, lr, precision and init_from."""

    steps: int = 12000  # may change when a run continues, unless its decay has begun
    lr: float = 2e-3  # peak, for Muon's steps, which are as large as Adam's; RAFT's code has 4e-4
    updates: int = 6  # of the flow per training step; RAFT trains with 12, which takes twice as long
    precision: str = "bfloat16"  # of a step's convolutions; float32 is faster on hardware without bfloat16
    weight_decay: float = 1e-2  # times the learning rate in each step, as in AdamW
    seed: int = 0  # of the initial weights, from scratch
    init_from: str = ""  # "raft-synth": the bundled weights; their steps, hours and history are continued

    def __post_init__(self):
        whole("steps", self.steps, 1)
        if self.init_from:
            choice("init_from", self.init_from, (weights.BUNDLED,))
        choice("precision", self.precision, PRECISIONS)
        if not 0 < self.lr < 1:
            raise AmcError(f"lr: {self.lr} is no learning rate; give a number between 0 and 1, such as 5e-4")


def train(recipe: Recipe, *, folder: Path, log: Log, device: str = "cpu", workers: int = 0) -> Path:
    """Continue the run in `folder`, or start one; returns the file of the weights with the lowest validation error.

    log: gets progress lines; workers: additional processes that draw pairs, 0 for none. Raises AmcError when `folder`
    holds a run of another recipe, and when the loss or a weight is not finite.
    """
    model = _fresh(recipe.seed).to(device)
    descent = RaftOptimizer(model, recipe.lr, recipe.weight_decay)
    run = _resumed(folder, recipe, model, descent, device)
    distributed.barrier()  # all processes have to read it before the first one overwrites it
    log = log if distributed.rank() == 0 else silent
    if distributed.world() > 1:
        _draw_alone()
    if run.first and run.best == float("inf"):
        _keep(run, folder, model, descent, log)  # the first steps may make it worse
    left = run.first + recipe.steps - run.step
    if left <= 0:
        return folder / BEST
    context = "spawn" if workers else None  # forking a process with threads may hang
    chunks = DataLoader(
        Chunks(), batch_size=None, sampler=distributed.shard(range(run.chunks, run.chunks + left * run.processes)),
        num_workers=workers, worker_init_fn=_draw_alone, multiprocessing_context=context,
    )  # fmt: skip
    started = time.perf_counter() - run.seconds
    # True of convolutions of 1 x 1, where it costs a copy of little; a user can do nothing about it.
    warnings.filterwarnings("ignore", "Grad strides do not match bucket view strides")
    learner = distributed.data_parallel(Learner(model, recipe))
    for chunk in progress(processes.loading(chunks), "training RAFT", total=left, unit="steps", log=log):
        loss = learner(*(side.to(device) for side in chunk))
        model.zero_grad()
        loss.backward()
        norm = nn.utils.clip_grad_norm_(model.parameters(), CLIP)
        if not norm.isfinite():
            raise AmcError(f"flow train: the loss is {loss.item()} at step {run.step}; start anew with a smaller --lr")
        descent.step(rate(run.step - run.first, recipe.steps))
        run.advance(loss.item())
        if run.step % EVERY == 0 or run.step == run.first + recipe.steps:
            run.seconds = time.perf_counter() - started
            _keep(run, folder, model, descent, log)
    return folder / BEST


def state(folder: Path) -> dict:
    """The state of the run in `folder`: recipe, step, seconds, and the history of validation errors."""
    return _read(folder)["run"]


class Learner(nn.Module):
    """A model with its training loss as output, to be wrapped by DDP, which averages gradients over processes."""

    def __init__(self, model: nn.Module, recipe: Recipe):
        super().__init__()
        self.model, self.recipe = model, recipe

    def forward(self, first: Tensor, second: Tensor, truth: Tensor) -> Tensor:
        """See `chunk_loss`."""
        return chunk_loss(self.model, first, second, truth, self.recipe)


def chunk_loss(model: nn.Module, first: Tensor, second: Tensor, truth: Tensor, recipe: Recipe) -> Tensor:
    """The training loss for pairs as `pairs.draw` makes them, on the model's device."""
    with torch.autocast(first.device.type, torch.bfloat16, enabled=recipe.precision == "bfloat16"):
        found = refine.flows(model, weights.scaled(first), weights.scaled(second), updates=recipe.updates)
    return sequence_loss(found, truth)


def sequence_loss(found: list[Tensor], truth: Tensor) -> Tensor:
    """RAFT's: the mean |u| + |v| between each update's flow and the truth, all (P, 2, H, W) in pixels.

    The last update has weight 1, each earlier one DISCOUNT times the weight of the next. RAFT's code uses half of this
    (the mean of |u| and |v|), which makes little difference as gradients are clipped.
    """
    weighted = (DISCOUNT**back * (flow - truth).abs().mean() for back, flow in enumerate(reversed(found)))
    return 2 * sum(weighted)


def end_point_error(vectors: Tensor, true: Tensor) -> Tensor:
    """EPE of each pixel: (P, 2, H, W) twice -> (P, H, W) in pixels.

    The distance between the estimated and the true vector (Baker et al., IJCV 2011).
    """
    return (vectors - true).norm(dim=1)


def errors(estimate: Callable[[Tensor, Tensor], Tensor], split: str) -> dict[str, np.ndarray]:
    """End-point error of each pair of a split, pixels, by kind (Kingdom, broad, larger pictures), one row per chunk."""
    found = {"kingdom": [], "broad": []} | {kind: [] for kind in KINDS.values()}
    for number, (first, second, truth) in enumerate(held(split)):
        distance = end_point_error(estimate(first, second), truth).mean((1, 2)).numpy()
        if (times := pairs.times(number)) > 1:
            found[KINDS[times]].append(distance)
        else:
            found["kingdom"].append(distance[: pairs.KINGDOMS])
            found["broad"].append(distance[pairs.KINGDOMS :])
    return {kind: np.stack(values) for kind, values in found.items()}


@lru_cache(maxsize=2)
def held(split: str) -> tuple[tuple[Tensor, Tensor, Tensor], ...]:
    """The pairs of "validation" or "held-out", chunk by chunk: uint8 (P, 3, H, W) twice, float32 (P, 2, H, W)."""
    chunks = Chunks(split)
    return tuple(chunks[number] for number in range(CHUNKS))


class Chunks(Dataset):
    """Chunks of pairs by number, drawn on access."""

    def __init__(self, split: str = "train"):
        self.seed = SEEDS[split]

    def __getitem__(self, number: int) -> tuple[Tensor, Tensor, Tensor]:
        return tuple(map(torch.from_numpy, pairs.draw(self.seed, number)))


@dataclass
class _Run:
    """Progress of a run; only `train` changes it."""

    recipe: dict
    generator: str  # digest of the code that draws the pairs
    device: str
    processes: int  # each draws one chunk per step
    started_from: dict = field(default_factory=dict)  # from the bundled weights: sha256, recipe, and their progress
    first: int = 0  # step; above 0 if the run starts from the bundled weights
    step: int = 0
    chunks: int = 0  # of pairs seen, also before the first step
    pairs: int = 0  # in them
    seconds: float = 0.0
    loss: float = 0.0  # running mean
    best: float = float("inf")
    history: list[dict] = field(default_factory=list)

    def advance(self, loss: float) -> None:
        """Count a step of all processes; loss: this process's."""
        self.step += 1
        self.loss += 0.02 * (loss - self.loss)
        for _ in range(self.processes):
            self.pairs += pairs.count(self.chunks)
            self.chunks += 1


def _fresh(seed: int) -> nn.Module:
    with seeded(seed):
        return weights.ARCHITECTURES[weights.BUNDLED][0]()


def _keep(run: _Run, folder: Path, model: nn.Module, descent: RaftOptimizer, log: Log) -> None:
    """Measure the validation error; write the state to continue from and, if it is the lowest, the best weights.

    One process does this; the others wait.
    """
    checkpoint.refuse_non_finite(model.state_dict(), f"flow train: step {run.step}", "start anew with a smaller --lr")
    if distributed.rank() == 0:
        log(_kept(run, folder, model, descent))
    distributed.barrier()


def _kept(run: _Run, folder: Path, model: nn.Module, descent: RaftOptimizer) -> str:
    def estimate(*pair: Tensor) -> Tensor:
        on_device = (side.to(run.device) for side in pair)
        return weights.run(model, *on_device, updates=weights.UPDATES[weights.BUNDLED]).cpu()

    model.eval()
    found = errors(estimate, "validation")
    model.train()
    row = {kind: float(values.mean()) for kind, values in found.items()}
    error = sum(row.values()) / len(row)
    run.history.append({"step": run.step, "seconds": round(run.seconds), "loss": round(run.loss, 4), **row})
    if error < run.best:
        run.best = error
        checkpoint.save(model, folder / BEST, {"step": run.step, **row})
    state = {"model": model.state_dict(), "descent": descent.state_dict(), "run": dataclasses.asdict(run)}
    checkpoint.save_state(folder / STATE, state)
    shown = ", ".join(f"{kind} {value:.3f}" for kind, value in row.items())
    return f"step {run.step}: loss {run.loss:.3f}; validation error {shown} px, best mean {run.best:.3f}"


def _resumed(folder: Path, recipe: Recipe, model: nn.Module, descent: RaftOptimizer, device: str) -> _Run:
    """Progress of the run in `folder`, or of a new run; its state is loaded into model and descent."""
    asked = _Run(dataclasses.asdict(recipe), generate.digest(also=("pairs",)), device, distributed.world())
    if not (folder / STATE).is_file():
        return _after_bundled(asked, model, device) if recipe.init_from else asked
    state = _read(folder)
    run = _Run(**state["run"])
    if ({**run.recipe, "steps": 0}, run.generator) != ({**asked.recipe, "steps": 0}, asked.generator):
        what = f"{run.recipe} and pairs of {run.generator}, not {asked.recipe} and {asked.generator}"
        raise AmcError(f"flow train: {folder} holds a run with {what}; ask for the same, or remove it")
    model.load_state_dict(state["model"])
    descent.load_state_dict(state["descent"])
    run.recipe, run.device, run.processes = asked.recipe, device, asked.processes
    return run


def _after_bundled(run: _Run, model: nn.Module, device: str) -> _Run:
    """A new run that continues the counts of the bundled weights and loads them into the model."""
    path, card = bundled.find(weights.BUNDLED)
    model.load_state_dict(weights.load(weights.BUNDLED, path, device=device).state_dict())
    run.started_from = {key: card.get(key) for key in ("sha256", "recipe", "processes", "generator", "started_from")}
    run.first = run.step = card["steps"]
    run.chunks, run.pairs = card["chunks"], card["pairs"]
    *run.history, last = card["validation_px"]  # the last one is measured again
    run.seconds, run.loss = last["seconds"], last["loss"]
    return run


def _read(folder: Path) -> dict:
    try:
        return checkpoint.load_state(folder / STATE)
    except (OSError, ValueError) as error:
        raise AmcError(f"flow train: {folder / STATE} cannot be read ({error}); remove it") from error


def _draw_alone(worker: int = 0) -> None:
    cv2.setNumThreads(1)  # each worker process has one core
