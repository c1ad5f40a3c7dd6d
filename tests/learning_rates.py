"""Which learning rate has the lowest validation loss, for trained rows of Tables 1 to 3.

Each row is trained with half, once and twice the rate of its recipe, all else equal; nothing is scored but the
validation loss during training. Recipes take their rates from the record. Runs of the notebooks continue from these.
What leaving out patches costs is compared in the same way: at the rate of the recipe, with all and with half of them.

    python tests/learning_rates.py [--size quick] [--seed 0] [--rows I3D,X3D] [--out FILE]
    python tests/learning_rates.py --factors 1 --patch-dropout 0,0.5 --rows "sparse rgb" --out FILE
"""

import argparse
from dataclasses import asdict, replace

import torch

from amc.base import paths, processes, provenance, seal
from amc.baselines.species_prior import BLIND
from amc.config import Experiment
from amc.runs import experiment, keys, recipes
from amc.runs.ablation import ablation


def one(cfg: Experiment) -> dict:
    """Train one run, or continue it: its row, rate and validation losses."""
    torch.set_num_threads(1)
    table = experiment.load(cfg)
    fit = experiment.train(cfg, table, keys.folder(cfg, table), log=print).fit
    named = {"row": cfg.name, "lr": cfg.training.lr, "patch_dropout": cfg.training.patch_dropout}
    named |= {"validation_loss": min(fit.validation_losses)}
    return named | {name: asdict(fit)[name] for name in ("best_epoch", "is_improving", "validation_losses", "seconds")}


def main() -> None:
    """Train all runs; write and print the rate of each row with its losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="quick")
    parser.add_argument("--seed", default="0")
    parser.add_argument("--rows", default="", help="names of runs, or methods; all by default")
    parser.add_argument("--factors", default="0.5,1,2", help="rates, relative to that of the recipe")
    parser.add_argument("--patch-dropout", default="", help="parts of the patches left out; by default the recipe's")
    parser.add_argument("--out", default=str(paths.reports() / "learning_rates.json"))
    given = parser.parse_args()
    usual = ablation(size=given.size, seeds=given.seed) + recipes.table_1(size=given.size, seeds=given.seed)
    wanted = [name.strip() for name in given.rows.split(",") if name.strip()]
    usual = [cfg for cfg in dict.fromkeys(usual) if cfg.method not in BLIND]
    usual = [cfg for cfg in usual if not wanted or any(cfg.name.startswith(name) for name in wanted)]
    configs = [
        replace(cfg, training=replace(cfg.training, lr=float(factor) * cfg.training.lr, patch_dropout=float(part)))
        for cfg in usual
        for factor in given.factors.split(",")
        for part in (given.patch_dropout or str(cfg.training.patch_dropout)).split(",")
    ]
    checksum = experiment.load(usual[0]).checksum()
    with processes.pool(processes.count(None)) as pool:
        rows = list(pool.map(one, configs))
    best = {}
    for row in sorted(rows, key=lambda row: row["validation_loss"]):
        best.setdefault(row["row"], row["lr"])
    origin = provenance.collect(device="cpu", data_checksum=checksum)
    seal.write_json(given.out, {"size": given.size, "best": best, "rows": rows, "provenance": origin}, indent=1)
    print(*(f"{name}: {lr:g}" for name, lr in best.items()), sep="\n")


if __name__ == "__main__":
    main()
