"""How much the choice of the weights varies: sparse RGB with several seeds, by the earlier rule and by the present one.

The earlier recipe: four epochs, cosine decay, all patches, and of its epochs the one with the highest macro mAP on
validation data. The present one is that of `amc.config`: averaged weights, the lowest validation loss. Both on the same
clips; each seed is trained in full. The record has the test mAP of every run, and its standard deviation over seeds.

    python tests/selection.py [--size quick] [--seeds 0,1,2,3,4] [--out FILE]
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from amc import metrics, train
from amc.aggregate import AGGREGATES
from amc.base import paths, processes, provenance, seal
from amc.config import Experiment
from amc.datasets.clips import ClipViews
from amc.model import Classifier
from amc.runs import experiment
from amc.runs.ablation import ablation
from amc.scores import Scores, predict

EARLIER = {"lr": 8e-4, "epochs": 4, "schedule": "cosine", "patience": 0, "ema_epochs": 0.0, "patch_dropout": 0.0}


def earlier(cfg: Experiment) -> Scores:
    """Test scores of the earlier recipe."""
    cfg = replace(cfg, training=replace(cfg.training, **EARLIER))
    with tempfile.TemporaryDirectory() as folder:
        trained = experiment.train(cfg, experiment.load(cfg), Path(folder), rate=_highest_macro, log=print)
    return predict(trained.model, trained.views["test"], meta={})


def _highest_macro(model: Classifier, views: ClipViews) -> train.Validation:
    scores = predict(model, views, meta={})
    return train.Validation(-metrics.map_macro(scores.labels, AGGREGATES["mean"](scores.probs)), 0.0)


def one(job: tuple[str, Experiment]) -> dict:
    """Recipe, seed, and both mAPs of the test split in percent."""
    torch.set_num_threads(1)
    recipe, cfg = job
    scores = earlier(cfg) if recipe == "earlier" else experiment.run(cfg, log=print).scores("test")
    probs = AGGREGATES["mean"](scores.probs)
    maps = {name: 100 * getattr(metrics, name)(scores.labels, probs) for name in metrics.MAPS}
    return {"recipe": recipe, "seed": cfg.seed, **maps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="quick")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--out", default=str(paths.reports() / "selection.json"))
    given = parser.parse_args()
    configs = ablation(scheme="sparse", modality="rgb", size=given.size, seeds=given.seeds)
    table = experiment.load(configs[0])
    with processes.pool(processes.count(None)) as pool:
        rows = list(pool.map(one, [(recipe, cfg) for recipe in ("earlier", "present") for cfg in configs]))
    spread = {
        recipe: {name: statistics.stdev(row[name] for row in rows if row["recipe"] == recipe) for name in metrics.MAPS}
        for recipe in ("earlier", "present")
    }
    origin = provenance.collect(data_checksum=table.checksum(), flow_method=None, device="cpu")
    record = {"size": given.size, "rows": rows, "standard_deviation": spread, "provenance": origin}
    seal.write_json(given.out, record, indent=1)
    print(spread)


if __name__ == "__main__":
    main()
