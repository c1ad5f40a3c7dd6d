"""The earlier recipe and the present one, sparse sampling with several seeds: test mAP, and how much it varies.

The earlier recipe: four epochs, cosine decay, all patches, paler flow colours, and of its epochs the one with the
highest macro mAP on validation data. The present one is that of `amc.config`: averaged weights, the lowest validation
loss. Both on the same clips; each seed is trained in full. The record has the test mAP of every run, its standard
deviation over seeds, and the paired difference of the recipes.

    python tests/selection.py [--size quick] [--seeds 0,1,2,3,4] [--modality rgb] [--out FILE]
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
from amc.runs import experiment, tables
from amc.runs.ablation import ablation
from amc.scores import Scores, predict

EARLIER = {"lr": 8e-4, "epochs": 4, "schedule": "cosine", "patience": 0, "ema_epochs": 0.0, "patch_dropout": 0.0}
EARLIER_PX = 8.0  # motion at which its flow colours saturate


def earlier(cfg: Experiment) -> Scores:
    """Test scores of the earlier recipe."""
    cfg = replace(cfg, training=replace(cfg.training, **EARLIER), pixels=replace(cfg.pixels, max_px=EARLIER_PX))
    with tempfile.TemporaryDirectory() as folder:
        trained = experiment.train(cfg, experiment.load(cfg), Path(folder), rate=_highest_macro, log=print)
    return predict(trained.model, trained.views["test"], meta={})


def _highest_macro(model: Classifier, views: ClipViews) -> train.Validation:
    scores = predict(model, views, meta={})
    return train.Validation(-metrics.map_macro(scores.labels, AGGREGATES["mean"](scores.probs)), 0.0)


def one(job: tuple[str, Experiment]) -> Scores:
    """Test scores of a recipe and a seed."""
    torch.set_num_threads(1)
    recipe, cfg = job
    return earlier(cfg) if recipe == "earlier" else experiment.run(cfg, log=print).scores("test")


def row(recipe: str, seed: int, scores: Scores) -> dict:
    """Recipe, seed, and both mAPs in percent."""
    probs = AGGREGATES["mean"](scores.probs)
    maps = {name: 100 * getattr(metrics, name)(scores.labels, probs) for name in metrics.MAPS}
    return {"recipe": recipe, "seed": seed, **maps}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="quick")
    parser.add_argument("--seeds", default="0,1,2,3,4")
    parser.add_argument("--modality", default="rgb")
    parser.add_argument("--out", default=str(paths.reports() / "selection.json"))
    given = parser.parse_args()
    configs = ablation(scheme="sparse", modality=given.modality, size=given.size, seeds=given.seeds)
    table = experiment.load(configs[0])
    jobs = [(recipe, cfg) for recipe in ("earlier", "present") for cfg in configs]
    with processes.pool(processes.count(None)) as pool:
        tests = list(pool.map(one, jobs))
    rows = [row(recipe, cfg.seed, test) for (recipe, cfg), test in zip(jobs, tests, strict=True)]
    by_recipe = {recipe: [each for each in rows if each["recipe"] == recipe] for recipe in ("earlier", "present")}
    spread = {
        recipe: {name: statistics.stdev(each[name] for each in found) for name in metrics.MAPS}
        for recipe, found in by_recipe.items()
    }
    gain = tables.compare(tests[: len(configs)], tests[len(configs) :])
    origin = provenance.collect(data_checksum=table.checksum(), flow_method=None, device="cpu")
    record = {"size": given.size, "modality": given.modality, "rows": rows, "standard_deviation": spread}
    seal.write_json(given.out, record | {"present_minus_earlier": gain, "provenance": origin}, indent=1)
    print(spread, gain, sep="\n")


if __name__ == "__main__":
    main()
