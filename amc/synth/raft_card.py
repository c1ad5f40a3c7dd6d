"""Bundle the best weights of a run: into data/weights, with a card on how they were made and how good they are.

Their error is measured on pairs that are not in training: drawn ones, and real ones in Middlebury's layout.
"""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from amc import flow, metrics
from amc.base import bundled, checkpoint, provenance
from amc.base.errors import AmcError
from amc.raft import weights
from amc.synth import pairs, raft_train
from amc.synth.raft_train import end_point_error

UNKNOWN = 1e9  # Middlebury marks an unknown vector by a larger value
NOTHING = "nothing moves"  # the claim that every estimate has to beat
Estimate = Callable[[Tensor, Tensor], Tensor]
FACTS = {
    "what": "RAFT-small (torchvision's architecture), trained from scratch on drawn pairs with true flow",
    "trained_on": f"pairs of amc.synth.pairs, {pairs.SIZE} to {pairs.LARGEST} px: rigid pieces in random "
    "paint, and frames of Kingdom scenes that are in no clip; no real picture",
    "chosen_by": "mean validation error of all kinds of pairs",
    "updates": weights.UPDATES[weights.BUNDLED],
    "command": "python -m amc flow train --ship",
    "licence": "as this repository",
}


def ship(folder: Path, *, real: Path | str | None = None, compare: Path | str | None = None) -> Path:
    """Write the best weights in `folder`, the run of `raft_train.train`, measure what was written, and write its card.

    real: folder of a pair in Middlebury's layout; compare: another checkpoint of RAFT-small. Both are only measured;
    they do not influence the choice. Returns the file in data/weights.
    """
    run, (_, best) = raft_train.state(folder), checkpoint.read(folder / raft_train.BEST)
    model = weights.load(weights.BUNDLED, folder / raft_train.BEST)
    path = bundled.write(model, weights.BUNDLED, FACTS, meta=best)
    compared = methods({weights.BUNDLED: path} | ({"raft-small": Path(compare)} if compare else {}))
    rows = drawn(compared) + (_real(compared, Path(real)) if real else [])
    card = FACTS | {
        "recipe": run["recipe"],
        "started_from": run["started_from"],
        "steps": run["step"],
        "processes": run["processes"],
        "chunks": run["chunks"],
        "pairs": run["pairs"],
        "best_step": best["step"],
        "hours": round(run["seconds"] / 3600, 2),
        "generator": run["generator"],
        "provenance": provenance.collect(seed=run["recipe"]["seed"], device=run["device"]),
        "errors_px": [{k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows],
        "validation_px": run["history"],
    }
    return bundled.write(model, weights.BUNDLED, card, meta=best)


def check(*, real: Path | str | None, compare: Path | str | None) -> None:
    """Raise AmcError if `ship` could not read what it has to measure later."""
    if real:
        middlebury(Path(real))
    if compare:
        weights.load("raft-small", compare)


def methods(checkpoints: Mapping[str, Path]) -> dict[str, Estimate]:
    """The methods to compare: zero flow, DIS in its three presets, and the `checkpoints`, by method."""
    dis = dict.fromkeys(name for name in flow.METHODS if name.startswith("dis"))
    by = {name: partial(flow.estimate, method=name, weights=path) for name, path in (dis | dict(checkpoints)).items()}
    return {NOTHING: _nothing} | by


def drawn(compared: Mapping[str, Estimate]) -> list[dict]:
    """End-point error by method and kind of held-out pair, and over "all" of them.

    Rows have method, pairs, count, and epe, low and high in pixels.

    The interval (95 %) is a bootstrap over chunks, whose pairs share a scene or textures.
    """
    rows = []
    for method, estimate in compared.items():
        found = raft_train.errors(estimate, "held-out")
        small = np.concatenate([found["kingdom"], found["broad"]], axis=1)
        every = [*small, *(chunk for kind in raft_train.KINDS.values() for chunk in found[kind])]
        for kind, chunks in {**found, "all": every}.items():
            sums, counts = (np.array([of(chunk) for chunk in chunks]) for of in (np.sum, np.size))
            epe, low, high = metrics.ratio(sums, counts)
            row = {"method": method, "pairs": kind, "count": int(counts.sum())}
            rows.append(row | {"epe": epe, "low": low, "high": high})
    return rows


def _real(compared: Mapping[str, Estimate], folder: Path) -> list[dict]:
    """The same for one real pair; its interval is not known. Raises AmcError where `folder` holds none."""
    first, second, truth = middlebury(folder)
    is_known = (truth.abs() < UNKNOWN).all(0)
    return [
        {"method": method, "pairs": folder.name, "count": 1}
        | {"epe": float(end_point_error(estimate(first, second), truth[None])[0, is_known].mean())}
        for method, estimate in compared.items()
    ]


def middlebury(folder: Path) -> tuple[Tensor, Tensor, Tensor]:
    """frame10.png and frame11.png, uint8 (1, 3, H, W), and flow10.flo, float32 (2, H, W) px (Baker et al., 2011)."""
    folder = Path(folder)
    truth = cv2.readOpticalFlow(str(folder / "flow10.flo"))
    if truth is None or not all((folder / name).is_file() for name in ("frame10.png", "frame11.png")):
        raise AmcError(f"{folder}: expected frame10.png, frame11.png and flow10.flo, as Middlebury's sets have them")
    pictures = [np.array(Image.open(folder / name).convert("RGB")) for name in ("frame10.png", "frame11.png")]
    return *(torch.from_numpy(x).movedim(-1, 0)[None] for x in pictures), torch.from_numpy(truth).movedim(-1, 0)


def _nothing(first: Tensor, second: Tensor) -> Tensor:
    return torch.zeros(len(first), 2, *first.shape[-2:])
