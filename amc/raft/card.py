"""Ship the best weights of a run: into data/weights, beside a card with how they were made and how good they are."""

from pathlib import Path

from amc import results, shipped
from amc.raft import measure, train, weights
from amc.synth import generate, pairs

FACTS = {
    "what": "RAFT-small (torchvision's architecture), trained from scratch on drawn pairs with true flow",
    "trained_on": f"pairs of amc.synth.pairs, {pairs.SIZE} px: rigid pieces in random paint, and frames of Kingdom "
    "scenes that are in no clip; no real picture",
    "chosen_by": "mean validation error of both kinds of pairs, 12 updates",
    "command": "python -m amc flow train --ship",
    "licence": "as this repository",
}


def ship(folder: Path, *, device: str, real: Path | str | None = None, compare: Path | str | None = None) -> Path:
    """Measure the best weights in `folder`, the run of `train.train`, on held-out pairs, and write them with a card.

    real: folder of a pair in Middlebury's layout; compare: another checkpoint of RAFT-small. Both are measured too, and
    choose nothing. Returns the file in data/weights.
    """
    best, run = folder / "best.safetensors", train.state(folder)
    tensors = {weights.SHIPPED: best} | ({"raft-small": Path(compare)} if compare else {})
    compared = measure.methods(tensors)
    rows = measure.drawn(compared) + (measure.real(compared, Path(real)) if real else [])
    card = FACTS | {
        "recipe": run["recipe"],
        "steps": run["step"],
        "pairs": run["step"] * pairs.CHUNK,
        "hours": round(run["seconds"] / 3600, 2),
        "device": device,
        "provenance": results.provenance(),
        "generator": generate.digest(),
        "errors_px": [{k: round(v, 4) if isinstance(v, float) else v for k, v in row.items()} for row in rows],
        "validation_px": run["history"],
    }
    model = weights.load(weights.SHIPPED, best)
    return shipped.write(model, weights.SHIPPED, card, meta={"method": weights.SHIPPED})
