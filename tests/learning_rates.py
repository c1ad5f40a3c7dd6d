"""Which learning rate has the lowest validation loss, for every trained row of Tables 1 to 3.

Each row is trained with half, once and twice the rate of its recipe, all else equal, and scored on validation data
only. Recipes take their rates from the record.

    python tests/learning_rates.py [--size quick] [--seeds 0] [--out FILE]
"""

import argparse
from dataclasses import replace

from amc.base import paths, provenance, seal
from amc.baselines.species_prior import BLIND
from amc.runs import experiment, recipes
from amc.runs.ablation import ablation

FACTORS = (0.5, 1, 2)


def main() -> None:
    """Train, or reuse, all runs; write and print the rate of each row with its losses."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", default="quick")
    parser.add_argument("--seeds", default="0")
    parser.add_argument("--out", default=str(paths.reports() / "learning_rates.json"))
    given = parser.parse_args()
    usual = ablation(size=given.size, seeds=given.seeds) + recipes.table_1(size=given.size, seeds=given.seeds)
    usual = [cfg for cfg in dict.fromkeys(usual) if cfg.method not in BLIND]
    configs = [
        replace(cfg, training=replace(cfg.training, lr=factor * cfg.training.lr)) for cfg in usual for factor in FACTORS
    ]
    rows = []
    for run in experiment.run_all(configs):
        fit, training = run.scores("val").meta["fit"], run.cfg.training
        rows.append({"row": run.cfg.name, "lr": training.lr, "validation_loss": min(fit["validation_losses"])})
        rows[-1] |= {name: fit[name] for name in ("best_epoch", "is_improving")} | {"epochs": len(fit["losses"])}
    best = {}
    for row in sorted(rows, key=lambda row: row["validation_loss"]):
        best.setdefault(row["row"], row["lr"])
    origin = provenance.collect(device="cpu", data_checksum=experiment.load(usual[0]).checksum())
    seal.write_json(given.out, {"size": given.size, "best": best, "rows": rows, "provenance": origin}, indent=1)
    print(*(f"{name}: {lr:g}" for name, lr in best.items()), sep="\n")


if __name__ == "__main__":
    main()
