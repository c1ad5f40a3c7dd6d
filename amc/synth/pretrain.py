"""Pre-train Synth Kingdom's own small CLIP on captioned stills: `python -m amc pretrain`.

Stills come from scenes with seeds that no clip has, and only of species in the training split. Captions name the
animal, the place and the behaviour. If a caption fits several stills of a batch, all of them count as positives
(UniCL, Yang et al. 2022); plain CLIP treats them as negatives.
"""

import time

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

import amc.base.torchvision_cpu  # noqa: F401  before open_clip

from open_clip import get_tokenizer  # isort: skip
from amc import transforms
from amc.base import processes
from amc.base.progress import progress
from amc.model import weights
from amc.model.build import IMAGENET
from amc.synth import scene
from amc.synth.behaviours import NAMES
from amc.synth.generate import digest
from amc.synth.kingdom import KINGDOM
from amc.synth.scripts import truth, write_script

STILL = 72  # pixels stored; training takes random crops of the CLIP's own 64
FRAMES = 4  # stills taken from one scene
TEMPLATES = (  # {animal} does {act} in {place}
    "{act}",
    "{animal} {act}",
    "a photo of a {animal} {act} in the {place}",
    "a {animal} in the {place}",
    "an animal {act} in the {place}",
)
MEAN, STD = IMAGENET  # X-CLIP's, as in fine-tuning
CARD = {
    "what": "Synth Kingdom's own small CLIP, pre-trained from scratch",
    "trained_on": "stills drawn by amc.synth with captions; species seen in training only; no clip of any split",
    "command": "python -m amc pretrain",
    "licence": "as this repository",
    "mean": MEAN,
    "std": STD,
}


def _stills(index: int) -> tuple[np.ndarray, list[tuple[str, str, str]]]:
    """Stills of one scene, uint8 (FRAMES, 3, STILL, STILL), and their (animal, place, act)."""
    cv2.setNumThreads(1)
    rng = np.random.default_rng([KINGDOM.seed, 9, index])  # 9: a stream that no split uses
    script = write_script(rng, KINGDOM.seen[index % len(KINGDOM.seen)])
    stage = scene.compose(script, int(rng.integers(2**31)))
    happens = truth(script)
    pictures, facts = [], []
    for frame in rng.integers(stage.num_frames, size=FRAMES):
        small = cv2.resize(scene.frame(stage, frame), (STILL, STILL), interpolation=cv2.INTER_AREA)
        acts = [name.lower() for name, on in zip(NAMES, happens[frame], strict=True) if on]
        pictures.append(small.transpose(2, 0, 1))
        facts.append((script.species, script.environment, acts[rng.integers(len(acts))] if acts else "keeping still"))
    return np.stack(pictures), facts


def render(num_scenes: int, workers: int) -> tuple[Tensor, list[tuple[str, str, str]]]:
    """Draw the stills: uint8 (S, 3, STILL, STILL), and what each shows."""
    with processes.pool(workers) as pool:
        stills = pool.map(_stills, range(num_scenes), chunksize=16)
        drawn = list(progress(stills, "drawing stills", total=num_scenes, unit="scene", log=None))
    return torch.from_numpy(np.concatenate([p for p, _ in drawn])), [fact for _, facts in drawn for fact in facts]


def contrastive(image: Tensor, text: Tensor, captions: list[str], scale: Tensor) -> Tensor:
    """Image-text loss over a batch; images with equal captions are positives of each other. Features (B, D)."""
    ids = torch.tensor([captions.index(caption) for caption in captions])
    target = (ids[:, None] == ids).float()
    logits = scale * F.normalize(image, dim=-1) @ F.normalize(text, dim=-1).T
    return 0.5 * (
        F.cross_entropy(logits, target / target.sum(1, keepdim=True))
        + F.cross_entropy(logits.T, target / target.sum(0)[:, None])
    )


def crop(stills: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Random crops and mirror images, normalised: uint8 (B, 3, S, S) to float (B, 3, size, size)."""
    top, left = torch.randint(0, STILL - size + 1, (2,), generator=generator)
    view = stills[..., top : top + size, left : left + size]
    flip = torch.rand(len(view), 1, 1, 1, generator=generator) < 0.5
    view = torch.where(flip, view.flip(-1), view)
    return transforms.normalise(view, MEAN, STD)


def pretrain(
    num_scenes: int = 12_000, epochs: float = 7, *, batch: int = 128, lr: float = 1e-3, seed: int = 0, workers: int = 2
) -> None:
    """Train `synth-clip` from scratch and bundle it in data/weights: float16, with sha256 and facts of the run."""
    stills, shown = render(num_scenes, workers)
    model = weights.open_clip_model(weights.SYNTH_CLIP, weights.RANDOM, seed=seed)
    tokenizer = get_tokenizer(weights.SYNTH_CLIP)
    rng, generator = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    steps = int(epochs * len(stills) / batch)
    optimizer = torch.optim.AdamW(model.parameters(), lr=lr, betas=(0.9, 0.98), weight_decay=0.05, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, total_steps=steps, pct_start=0.05)
    started, losses = time.time(), []
    for _ in progress(range(steps), "pre-training synth-clip", total=steps, unit="step", log=None):
        chosen = rng.integers(len(stills), size=batch)
        captions = [
            TEMPLATES[rng.integers(len(TEMPLATES))].format(animal=a, place=p, act=act)
            for a, p, act in (shown[k] for k in chosen)
        ]
        image = model.encode_image(crop(stills[chosen], model.visual.image_size[0], generator))
        loss = contrastive(image, model.encode_text(tokenizer(captions)), captions, model.logit_scale.exp())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        model.logit_scale.data.clamp_(max=4.6052)
        losses.append(loss.item())
    facts = {
        "stills": len(stills),
        "scenes": num_scenes,
        "steps": steps,
        "batch": batch,
        "lr": lr,
        "seed": seed,
        "last_loss": round(float(np.mean(losses[-100:])), 4),
        "minutes": round((time.time() - started) / 60, 1),
        "threads": torch.get_num_threads(),
        "generator": digest(),
    }
    weights.ship(model, weights.SYNTH_CLIP, {**CARD, **facts})  # atomic: an interrupted run bundles nothing
