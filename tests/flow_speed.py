"""RAFT here against a loop of torchvision's model over single pairs, side by side: `python tests/flow_speed.py`.

Both get the same weights and the same neighbouring frames of a Synth Kingdom scene, in turn, some times. The loop has
all cores for each pair, as torch gives it; ours has them once in the same way, and once as cells and `amc flow` under
torchrun have them, a process with one thread a core. Writes reports/flow_speed.json: medians, and the largest
difference of any vector.

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

FRAMES = 9  # neighbours, which make eight pairs


def frames(size: int) -> torch.Tensor:
    """Neighbouring frames of a scene, uint8 (FRAMES, 3, size, size)."""
    from amc.synth import generate, scene

    _, script, _, seed = generate.plan_clip("test", 5000)  # a number far beyond those of any data set
    stage = scene.compose(script, seed)
    drawn = [cv2.resize(scene.frame(stage, index), (size, size)) for index in range(FRAMES)]
    return torch.from_numpy(np.stack(drawn)).movedim(-1, 1).contiguous()


@torch.no_grad()
def loop(pictures: torch.Tensor, method: str, weights: Path | None) -> torch.Tensor:
    """torchvision's `forward`, a pair at a time."""
    from amc.raft.weights import UPDATES, load

    model, scaled = load(method, weights), pictures.float() / 127.5 - 1
    pairs = zip(scaled[:-1].split(1), scaled[1:].split(1), strict=True)
    return torch.cat([model(*pair, num_flow_updates=UPDATES)[-1] for pair in pairs])


def ours(pictures: torch.Tensor, method: str, weights: Path | None) -> torch.Tensor:
    """`flow.estimate`, all pairs at once."""
    from amc import flow

    return flow.estimate(pictures[:-1], pictures[1:], method=method, weights=weights)


def shared(pictures: torch.Tensor, method: str, weights: Path | None, *, pool: ProcessPoolExecutor) -> torch.Tensor:
    """The same by as many processes as there are cores, each with its part of the row of frames."""
    edges = np.linspace(0, len(pictures) - 1, (os.cpu_count() or 1) + 1).astype(int)
    parts = [pictures[a : b + 1].numpy() for a, b in zip(edges, edges[1:], strict=False)]
    done = pool.map(_part, parts, [method] * len(parts), [weights] * len(parts))
    return torch.from_numpy(np.concatenate(list(done)))


def _part(pictures: np.ndarray, method: str, weights: Path | None) -> np.ndarray:
    torch.set_num_threads(1)
    return ours(torch.from_numpy(pictures), method, weights).numpy()


def measure(method: str, weights: Path | None, size: int, rounds: int, pool: ProcessPoolExecutor) -> dict:
    """Median seconds a pair of each way, in turn, and how far ours are from torchvision's."""
    pictures = frames(size)
    ways = {"torchvision_loop": loop, "ours": ours, "ours_a_process_a_core": partial(shared, pool=pool)}
    seconds, found = {name: [] for name in ways}, {}
    for turn in range(rounds + 1):
        for name, way in ways.items():
            started = time.perf_counter()
            found[name] = way(pictures, method, weights)
            if turn:  # the first one loads and allocates
                seconds[name].append((time.perf_counter() - started) / (FRAMES - 1))
    row = {"method": method, "size": size, "threads": torch.get_num_threads(), "rounds": rounds}
    row |= {f"{name}_ms": 1000 * median(values) for name, values in seconds.items()}
    base = row["torchvision_loop_ms"]
    row |= {"times": base / row["ours_ms"], "times_a_process_a_core": base / row["ours_a_process_a_core_ms"]}
    worst = max(float((found[name] - found["torchvision_loop"]).abs().max()) for name in ways)
    row |= {"largest_difference_px": worst, "largest_motion_px": float(found["torchvision_loop"].norm(dim=1).max())}
    print(json.dumps(row))
    return row


def main() -> None:
    """Measure, and write the record."""
    from amc import paths, results
    from amc.raft.weights import ARCHITECTURES

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, help="a checkpoint of RAFT-small, to be measured too")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--sizes", default="128,256")
    given = parser.parse_args()
    folder = paths.cache() / "flow_speed"
    folder.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(0)
    large = folder / "raft-large.pth"  # speed does not depend on what weights have learnt; agreement is on small motion
    torch.save(ARCHITECTURES["raft-large"][0]().state_dict(), large)
    compared = {"raft-synth": None, "raft-large": large} | ({"raft-small": given.weights} if given.weights else {})
    with ProcessPoolExecutor(os.cpu_count(), multiprocessing.get_context("spawn")) as pool:
        sizes = [int(size) for size in given.sizes.split(",")]
        rows = [measure(name, path, size, given.rounds, pool) for name, path in compared.items() for size in sizes]
    record = {"provenance": results.provenance(device="cpu"), "rows": rows}
    path = paths.reports() / "flow_speed.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
