"""PyAV's reader against decord, side by side on films that both read correctly: `python tests/video_speed.py`.

Films of 360 and 720 lines with texture and motion, libx264 at ffmpeg's defaults (crf 23, medium) with and without
B-frames, a key frame every 12 or 250 frames, read as in training and prediction: windows of 8 frames spread over the
film, and all frames in a row. Both readers take turns, the shortest of several rounds counts, and their pixels have to
be equal. Processor time matters when one process per core reads; wall-clock time is also given.

    python tests/video_speed.py [--rounds 5] [--frames 240] [--out reports/video_speed.json]
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import geometric_mean

import cv2
import films
import numpy as np
import torch

SIZES = ((360, 640), (720, 1280))
GOPS, B_FRAMES = (12, 250), (0, 3)
WINDOWS, FRAMES = 4, 8  # M and P of a sparse plan
READERS = ("pyav", "decord")
CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}


def drawn(num_frames: int, size: tuple[int, int]):
    """A textured ground under a moving camera, and an animal-sized patch of another texture that crosses it."""
    rng = np.random.default_rng(0)
    height, width = size
    ground, animal = (
        cv2.GaussianBlur(rng.integers(0, 256, (2 * height, 2 * width, 3)).astype(np.uint8), (0, 0), blur)
        for blur in (4, 2)
    )
    ground = cv2.normalize(ground, None, 20, 235, cv2.NORM_MINMAX)
    animal = cv2.normalize(animal, None, 20, 235, cv2.NORM_MINMAX)
    for n in range(num_frames):
        left, top = round(width / 3 * (1 + np.sin(n / 60))), round(height / 3 * (1 + np.cos(n / 75)))
        picture = ground[top : top + height, left : left + width].copy()
        x, y = round(width * (0.1 + 0.6 * n / num_frames)), round(height * (0.4 + 0.1 * np.sin(n / 5)))
        picture[y : y + height // 4, x : x + width // 4] = animal[: height // 4, n : n + width // 4]
        yield picture


def measure(path: Path, plan: list[list[int]], rounds: int) -> dict[str, float]:
    """Milliseconds of processor and wall clock of each reader for all windows of a plan, the least of all rounds."""
    from amc import video

    took, found = {(name, clock): [] for name in READERS for clock in CLOCKS}, {}
    video.probe(path)  # fills the caches that the readers need
    for turn in range(rounds + 1):
        for name in READERS if turn % 2 else READERS[::-1]:
            started = {clock: now() for clock, now in CLOCKS.items()}
            found[name] = [video.read_frames(path, frames, reader=name) for frames in plan]
            for clock, now in CLOCKS.items() if turn else ():  # the first one loads
                took[name, clock].append(1000 * (now() - started[clock]))
    assert all(torch.equal(*pair) for pair in zip(*found.values(), strict=True)), f"{path}: the readers differ"
    return {f"{name}_{clock}_ms": round(min(values), 2) for (name, clock), values in took.items()}


def main() -> None:
    """Draw, measure, print and write the record."""
    from amc import sampling, video
    from amc.base import paths, provenance, seal

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--frames", type=int, default=240)
    parser.add_argument("--out", type=Path, default=paths.reports() / "video_speed.json")
    given = parser.parse_args()
    rows = []
    sparse = sampling.plan(given.frames, scheme="sparse", num_windows=WINDOWS, frames=FRAMES)
    plans = {"sparse": [list(window.frames) for window in sparse], "dense": [list(range(given.frames))]}
    with tempfile.TemporaryDirectory() as folder:
        for size in SIZES:
            for gop, b_frames in ((gop, b) for gop in GOPS for b in B_FRAMES):
                path = Path(folder) / f"{size[0]}_{gop}_{b_frames}.mp4"
                options = {"crf": "23", "preset": "medium", "x264-params": f"keyint={gop}:bframes={b_frames}"}
                films.write(path, options=options, pictures=drawn(given.frames, size), bit_rate=0)
                started = time.perf_counter()
                video.probe(path)
                probe_ms = round(1000 * (time.perf_counter() - started), 2)
                for reads, plan in plans.items():
                    row = {"lines": size[0], "gop": gop, "b_frames": b_frames, "reads": reads, "probe_ms": probe_ms}
                    row |= measure(path, plan, given.rounds)
                    row |= {f"times_{c}": round(row[f"decord_{c}_ms"] / row[f"pyav_{c}_ms"], 3) for c in CLOCKS}
                    rows.append(row)
                    print(json.dumps(rows[-1]), flush=True)
    means = {
        f"{reads} {clock}": round(geometric_mean(row[f"times_{clock}"] for row in rows if row["reads"] == reads), 3)
        for reads in plans for clock in CLOCKS
    }  # fmt: skip
    print("decord's time over PyAV's, geometric mean: " + ", ".join(f"{k} {v:.2f}" for k, v in means.items()))
    record = {"provenance": provenance.collect(device="cpu"), "times": means, "rounds": given.rounds, "rows": rows}
    seal.write_json(given.out, record, indent=1)


if __name__ == "__main__":
    main()
