"""RAFT here against a loop of torchvision's model over single pairs, side by side: `python tests/flow_speed.py`.

Both get the same weights and frame pairs of a Synth Kingdom scene, in turn, several times: neighbouring frames, which
share features, and separate pairs, like most frames that training draws. Each is measured with one process on all
cores, torch's default, then with one single-threaded process per core, as in runs and `amc flow` under torchrun.
Writes flow_speed.json into AMC_REPORTS (by default `out`): medians, and the largest difference of any vector.

    python tests/flow_speed.py [--weights raft-small.pth] [--rounds 7] [--sizes 128,256]
"""

import argparse
import json
import multiprocessing
import os
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path
from statistics import median

import cv2
import numpy as np
import torch

PAIRS = 8


def pairs(size: int, *, step: int) -> tuple[torch.Tensor, torch.Tensor]:
    """First and second frames, uint8 (PAIRS, 3, size, size); `step` frames between pairs, 1 for neighbouring frames."""
    from amc.synth import generate, scene

    _, script, _, seed = generate.plan_clip("test", 5000)  # a number beyond those of any data set
    stage = scene.compose(script, seed)
    sides = []
    for side in (0, 1):
        drawn = [cv2.resize(scene.frame(stage, step * k + side), (size, size)) for k in range(PAIRS)]
        sides.append(torch.from_numpy(np.stack(drawn)).movedim(-1, 1).contiguous())
    return sides[0], sides[1]


@torch.no_grad()
def loop(first: torch.Tensor, second: torch.Tensor, method: str, weights: Path | None) -> torch.Tensor:
    """torchvision's `forward`, one pair at a time."""
    from amc.raft.weights import UPDATES, load

    model = load(method, weights)
    scaled = (side.float() / 127.5 - 1 for side in (first, second))
    singles = zip(*(side.split(1) for side in scaled), strict=True)
    return torch.cat([model(*pair, num_flow_updates=UPDATES[method])[-1] for pair in singles])


def ours(first: torch.Tensor, second: torch.Tensor, method: str, weights: Path | None) -> torch.Tensor:
    """`flow.estimate`, all pairs at once."""
    from amc import flow

    return flow.estimate(first, second, method=method, weights=weights)


WAYS = {"torchvision": loop, "ours": ours}


def shared(pool: ProcessPoolExecutor, cores: int, way: str, first: torch.Tensor, second: torch.Tensor, *which):
    """The same with one process per core, each on its part of the pairs."""
    parts = [[part.numpy() for part in side.chunk(cores)] for side in (first, second)]
    done = pool.map(_part, *parts, *([value] * len(parts[0]) for value in (way, *which)))
    return torch.from_numpy(np.concatenate(list(done)))


def _part(first: np.ndarray, second: np.ndarray, way: str, method: str, weights: Path | None) -> np.ndarray:
    torch.set_num_threads(1)
    return WAYS[way](torch.from_numpy(first), torch.from_numpy(second), method, weights).numpy()


def measure(method: str, weights: Path | None, size: int, step: int, rounds: int, pool: ProcessPoolExecutor) -> dict:
    """Median milliseconds per pair of each way, in turn, and the largest difference of our flow from torchvision's."""
    sides, cores = pairs(size, step=step), min(os.cpu_count() or 1, PAIRS)
    ways = {name: partial(way, *sides, method, weights) for name, way in WAYS.items()}
    ways |= {f"{name}_{cores}_processes": partial(shared, pool, cores, name, *sides, method, weights) for name in WAYS}
    took, found = {name: [] for name in ways}, {}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            found[name] = way()
            if turn:  # the first one loads and allocates
                took[name].append(1000 * (time.perf_counter() - started) / PAIRS)
    ms = {name: median(values) for name, values in took.items()}
    row = {"method": method, "size": size, "pairs": "neighbours" if step == 1 else "apart", "rounds": rounds}
    row |= {"threads": torch.get_num_threads()} | {f"{name}_ms": value for name, value in ms.items()}
    row |= {"times": ms["torchvision"] / ms["ours"]}
    row |= {f"times_{cores}_processes_both": ms[f"torchvision_{cores}_processes"] / ms[f"ours_{cores}_processes"]}
    row |= {f"times_{cores}_processes_ours": ms["torchvision"] / ms[f"ours_{cores}_processes"]}
    worst = max(float((flow - found["torchvision"]).abs().max()) for flow in found.values())
    row |= {"largest_difference_px": worst, "largest_motion_px": float(found["torchvision"].norm(dim=1).max())}
    print(json.dumps(row), flush=True)
    return row


def main() -> None:
    """Measure, and write the record."""
    from amc.base import paths, provenance, seal
    from amc.raft.weights import ARCHITECTURES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="a checkpoint of RAFT-small, to be measured too")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", default="128,256")
    given = parser.parse_args()
    folder = paths.cache() / "flow_speed"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    large = folder / "raft-large.pth"  # speed does not depend on the weights; agreement is on small motion
    torch.save(ARCHITECTURES["raft-large"][0]().state_dict(), large)
    compared = {"raft-synth": None, "raft-large": large} | ({"raft-small": given.weights} if given.weights else {})
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        sizes = [int(size) for size in given.sizes.split(",")]
        rows = [
            measure(name, path, size, step, given.rounds, pool)
            for name, path in compared.items() for size in sizes for step in (1, 3)
        ]  # fmt: skip
    record = {"provenance": provenance.collect(device="cpu"), "rows": rows}
    seal.write_json(paths.reports() / "flow_speed.json", record, indent=1)


if __name__ == "__main__":
    main()
