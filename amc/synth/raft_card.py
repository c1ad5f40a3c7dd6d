"""Bundle the best weights of a run: into data/weights, with a card on how they were made and how good they are."""

from pathlib import Path

from amc.base import bundled, checkpoint, provenance
from amc.raft import weights
from amc.synth import pairs, raft_measure, raft_train

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
    compared = raft_measure.methods({weights.BUNDLED: path} | ({"raft-small": Path(compare)} if compare else {}))
    rows = raft_measure.drawn(compared) + (raft_measure.real(compared, Path(real)) if real else [])
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
        raft_measure.middlebury(Path(real))
    if compare:
        weights.load("raft-small", compare)
