"""Kinds of file whose bits `faults.py` flips: those of `test_seal`, and what is sealed by a list of digests."""

import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import test_seal
from fault_writers import draw

from amc.base import digests, paths, sealed_lines
from amc.base.errors import AmcError
from amc.datasets import videos
from amc.synth import manifest

Kind = tuple[Path, Callable[[], object]]  # a file, and what reads it


def facts_of_videos(folder: Path) -> Kind:
    path = paths.cache() / "videos" / "t.jsonl"
    for number in range(5):
        sealed_lines.append(path, [f"{number}" * 64, number, "", "", ""])
    return path, lambda: videos.remembered("t")


def remembered_digests(folder: Path) -> Kind:
    file = folder / "a.mp4"
    file.write_bytes(b"a video")
    time.sleep((digests.SETTLED + 1e8) / 1e9)
    right, path = digests.digest(file), paths.cache() / "digests.jsonl"

    def read() -> str:
        digests._remembered.cache_clear()
        return digests.digest(file)

    assert right == read() and os.path.getsize(path)
    return path, read


def of_a_world(folder: Path, name: str) -> Kind:
    draw(folder)
    root = folder / "world"
    file = name or f"video/{min(path.name for path in (root / 'video').iterdir())}"
    return root / file, lambda: manifest.check(root, file).read_bytes()


def manifest_of_a_world(folder: Path) -> Kind:
    draw(folder)

    def read() -> dict:
        if not (found := manifest.read(folder / "world")):
            raise AmcError("damaged, all is drawn again")
        return found

    return folder / "world" / manifest.NAME, read


KINDS = {kind.__name__: kind for kind in (*test_seal.KINDS, facts_of_videos, remembered_digests, manifest_of_a_world)}
TABLES = ("train.csv", "actions.csv", "metadata.csv", "scripts.json")
KINDS |= {f"world {name}": partial(of_a_world, name=f"annotation/{name}") for name in TABLES}
KINDS["world video"] = partial(of_a_world, name="")
