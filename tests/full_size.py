"""A dry run at Animal Kingdom's full size, without its videos: `python tests/full_size.py build FOLDER WORKBOOK`.

30,100 clips with the real names and labels, 145 rows per clip as in the published Charades files, over copies of
Synth Kingdom's videos. Each file ends in a unique box, so that all contents differ, as with real files. The
user gives the published workbook; we may not bundle it.

    python tests/full_size.py build FOLDER WORKBOOK     the folder (3 GB), to be used as --data-root
    python tests/full_size.py index FOLDER              seconds and memory of the index: the first time and the second
    python tests/full_size.py rehearse FOLDER           every stage for 90 seconds: memory, forecasts, and what is left
                                                        after a kill; writes full_size.json into
                                                        AMC_REPORTS (by default `out`)
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import astuple
from pathlib import Path
from statistics import median

PEAK = "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss"
ROWS = 145  # frames per clip: 4.4 million rows in all


def build(folder: Path, workbook: Path, size: str) -> None:
    """Write the folder; existing files stay."""
    from amc.datasets import animal_kingdom, catalogue
    from amc.synth import generate

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(workbook, folder / "AR_metadata.xlsx")
    table = animal_kingdom.index_metadata(folder / "AR_metadata.xlsx")
    for split, file in (("train", "train.csv"), ("test", "val.csv")):
        clips = [(clip.id, n, ROWS, clip.labels) for n, clip in enumerate(table.split(split).clips)]
        generate.write_frames(folder / "annotation" / file, clips, split)
    videos = [clip.path.read_bytes() for clip in catalogue.load("synth", size=size).clips]
    (folder / "video").mkdir(exist_ok=True)
    for number, clip in enumerate(table.clips):
        mark = number.to_bytes(8, "big")
        path = folder / "video" / f"{clip.id}.mp4"
        path.write_bytes(videos[number % len(videos)] + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark)


def index(folder: Path) -> list[dict]:
    """Measure loading the table, each time in a process of its own: the first time, and again from the cache."""
    ways = {
        "4.4 million Charades rows": f"animal_kingdom.index({str(folder)!r})",
        "AR_metadata.xlsx alone": f"animal_kingdom.index_metadata({str(folder / 'AR_metadata.xlsx')!r})",
    }
    rows = []
    with tempfile.TemporaryDirectory() as cache:
        for what, call in ways.items():
            for turn in ("first", "second"):
                code = f"import resource; from amc.datasets import animal_kingdom; print(len({call}), {PEAK})"
                started, environment = time.perf_counter(), os.environ | {"AMC_CACHE": cache}
                done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
                seconds, (clips, kilobytes) = time.perf_counter() - started, map(int, done.stdout.split())
                row = {"from": what, "time": turn, "clips": clips, "seconds": seconds, "peak_gb": kilobytes / 1e6}
                print(json.dumps(row))
                rows.append(row)
    return rows


def cell(folder: Path):
    """A run whose network a small machine can train: everything else is as at full size."""
    from dataclasses import replace

    from amc.config import SIZES, Sampling

    quick = SIZES["quick"]
    pixels, training = (
        replace(quick.pixels, keep_frames=False, storage_format="jpeg"),
        replace(quick.training, epochs=1),
    )
    small = {"sampling": Sampling("sparse", 2, 2), "pixels": pixels, "training": training}
    return replace(quick, dataset="animal-kingdom", root=str(folder), **small)


def work(folder: Path, stage: str) -> None:
    """The work of one process of the rehearsal, until it is killed."""
    from amc.datasets import videos
    from amc.runs import experiment, methods, precompute
    from amc.scores import predict

    one = cell(folder)
    tell = lambda line: print(line, flush=True)  # noqa: E731
    if stage == "videos":
        for _ in videos.examine(experiment.load(one), one.dataset, workers=1, log=tell):
            pass
    elif stage == "flow":
        precompute.motion([one], log=tell)
    elif stage == "train":
        experiment.run(one, log=tell, device="cpu")
    else:
        table = experiment.load(one)
        classifier = methods.build(one, table)
        views = experiment._views(one, table.split("test"), classifier.preprocess.size)
        predict(classifier, views, meta={}, log=tell)


def tell_lengths(folder: Path, size: str) -> None:
    """Cache the length of each video, as `python -m amc index` does after reading all 30,100 for an hour or two."""
    from amc.base import sealed_lines
    from amc.datasets import animal_kingdom, catalogue, videos

    lengths = [clip.num_frames for clip in catalogue.load("synth", size=size).clips]
    table = animal_kingdom.index_metadata(folder / "AR_metadata.xlsx")
    rows = (
        [videos._identity(clip.path), *astuple(videos.Facts(lengths[n % len(lengths)]))]
        for n, clip in enumerate(table.clips)
    )
    sealed_lines.write(folder / "cache" / "videos" / "animal-kingdom.jsonl", rows)


PATTERN = re.compile(r"(\d+) of (\d+) .* (\d+) s left")


def watched(folder: Path, stage: str, seconds: float) -> dict:
    """Run a stage for `seconds` after its first line, then kill it: its lines, and its memory every half second."""
    command = [sys.executable, __file__, "work", str(folder), "--stage", stage]
    process = subprocess.Popen(command, env=os.environ | {"AMC_CACHE": str(folder / "cache")}, stdout=subprocess.PIPE)
    os.set_blocking(process.stdout.fileno(), False)
    lines, memory, first, text = [], [], None, b""
    while process.poll() is None and (first is None or time.perf_counter() - first < seconds):
        time.sleep(0.5)
        text += process.stdout.read() or b""
        *whole, text = text.split(b"\n")
        for found in filter(None, (PATTERN.search(line.decode()) for line in whole)):
            first = first or time.perf_counter()
            lines.append((time.perf_counter(), *map(int, found.groups()), found.string))
        if first:
            memory.append(int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{process.pid}/status").read_text())[1]) / 1e6)
    process.kill()
    process.wait()
    return {"lines": lines, "memory": memory}


def judged(stage: str, run: dict) -> dict:
    """The growth of memory, and the error of the first forecast."""
    (start, done, total, left, _), (stop, later, *_) = run["lines"][0], run["lines"][-1]
    expected, quarter = left / (total - done) * (later - done), len(run["memory"]) // 4
    return {
        "stage": stage,
        "done": later,
        "of": total,
        "seconds": stop - start,
        "forecast_seconds": expected,
        "forecast_error": expected / (stop - start) - 1,
        "hours_in_all": left / 3600,
        "memory_gb_second_quarter": median(run["memory"][quarter : 2 * quarter]),
        "memory_gb_last_quarter": median(run["memory"][-quarter:]),
        "last_line": run["lines"][-1][-1],
    }


def rehearse(folder: Path, seconds: float, size: str) -> None:
    """Run each stage and kill it after `seconds`; run stages that keep their work again, to see that they continue."""
    from amc.base import paths, provenance, seal

    rows = [judged("videos", watched(folder, "videos", seconds))]
    tell_lengths(folder, size)
    rows += [judged(stage, watched(folder, stage, seconds)) for stage in ("flow", "flow", "train", "score")]
    there = int(re.search(r"clips, (\d+) of them from the cache", rows[2]["last_line"])[1])
    rows[2] |= {"stage": "flow, after the kill", "were_there": there}
    record = {"provenance": provenance.collect(device="cpu"), "index": index(folder), "rows": rows}
    seal.write_json(paths.reports() / "full_size.json", record, indent=1)
    print(json.dumps(rows, indent=1))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["build", "index", "rehearse", "work"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("workbook", type=Path, nargs="?")
    parser.add_argument("--size", default="smoke", help="of the Synth Kingdom whose videos are used")
    parser.add_argument("--seconds", type=float, default=120, help="of each stage")
    parser.add_argument("--stage", choices=["videos", "flow", "train", "score"])
    given = parser.parse_args()
    if given.what == "build":
        build(given.folder, given.workbook, given.size)
    elif given.what == "index":
        index(given.folder)
    elif given.what == "work":
        work(given.folder, given.stage)
    else:
        rehearse(given.folder, given.seconds, given.size)
