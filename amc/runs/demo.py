"""Size demo: the trained model in data/weights (this project's method, as trained for Table 3), scored on a few clips.

A finished run in, float16 weights and their card out, and back. What the score files of size demo say about training
(clips, epochs, losses) is that of the run that the weights come from; the card keeps it.
"""

from pathlib import Path

from amc import model
from amc.base import bundled, provenance
from amc.base.errors import AmcError
from amc.config import METHOD, SIZES, Experiment
from amc.runs import results
from amc.runs.lookup import DEMO, MODEL
from amc.scores import Scores
from amc.train import Fit

# What a score file says about training, not about the scored clips. Files from before bfloat16 name no products.
TRAINING = ("train_positives", "train_species", "fit", "products")


def card() -> Path:
    """The path of the weights' card, whether or not it exists."""
    return bundled.place(DEMO).with_suffix(".json")


def weights() -> Path:
    """The weights, compared with their card. Raises AmcError when either is missing or damaged."""
    return bundled.find(DEMO)[0]


def training() -> dict:
    """What score files record about the training of the weights. Raises AmcError as `weights` does."""
    facts = bundled.find(DEMO)[1]
    return {name: facts[name] for name in TRAINING if name in facts}


def fit() -> Fit:
    """How the weights were trained. Raises AmcError as `weights` does."""
    return Fit(**training()["fit"])


def ship(folder: Path) -> Path:
    """Write the model of a finished run to data/weights, float16, and return its path.

    Its card and its validation scores, for thresholds, are written beside it. folder: of the run. Raises AmcError
    for a run of another method, or with other slots than size demo.
    """
    test, [classifier, meta] = Scores.load(folder / "test.npz"), model.load(folder / MODEL)
    cfg, ours = Experiment.fromdict(test.meta["experiment"]), SIZES["demo"]
    if (cfg.method, cfg.num_slots, cfg.pixels) != (METHOD, ours.num_slots, ours.pixels):
        raise AmcError(f"ship: {cfg.title} has other slots than size demo; train with --size quick --modality rgb+flow")
    facts = {
        "what": f"{METHOD}: X-CLIP over frames and flow; {cfg.title}",
        "trained_on": "Synth Kingdom's generated animals; it can recognise no real one",
        "command": f"python -m amc train --scheme sparse --modality rgb+flow --size {cfg.size} --ship",
        "licence": "as this repository",
        "commit": test.meta["commit"],
        **{name: test.meta[name] for name in TRAINING if name in test.meta},
        "provenance": provenance.collect(seed=cfg.seed, data_checksum=test.meta["data_checksum"]),
    }
    path = bundled.write(classifier.network, DEMO, facts, meta={"card": classifier.card, **meta})
    Scores.load(folder / "val.npz").save(results.validation_file(path))
    return path
