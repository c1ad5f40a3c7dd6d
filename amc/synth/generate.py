"""Write a generated world to disk in Animal Kingdom's own layout; `drawn` reads scripts and true flow from it.

    <root>/video/<ID>.mp4            H.264, 128x128, 24 frames per second
    <root>/annotation/train.csv      Charades rows, one per frame; val.csv holds the test split, as in Animal Kingdom
    <root>/annotation/actions.csv    behaviours by label id; metadata.csv: split, species and length of every clip
    <root>/annotation/scripts.json   the truth: behaviours of each animal with start and stop, and the clip's seed
    <root>/world.json                which world, size, seed and version this is, and the sha256 of every file

world.json is written first, and again last with the digests: they mean that the data set is complete. Clip k of a
split is the same in every size, so `smoke` is a part of `quick`, and `quick` a part of `standard`. Animal Kingdom has
no validation split: those clips are in train.csv, and metadata.csv names them.
"""

import ast
import csv
import hashlib
import json
import shutil
import warnings
from collections.abc import Iterable, Iterator
from functools import lru_cache, partial
from pathlib import Path

import av
import cv2
import numpy as np

from amc.base import locks, paths, processes
from amc.base.errors import AmcError, choice
from amc.base.paths import atomic
from amc.base.progress import progress
from amc.synth import manifest, scene
from amc.synth.kingdom import KINGDOM
from amc.synth.menagerie import MENAGERIE
from amc.synth.world import FPS, Script, World

WORLDS = {world.name: world for world in (KINGDOM, MENAGERIE)}
SPLITS = ("train", "test", "val")  # their order is a part of every clip's seed
VERSION = 2  # of a clip's plan, labels and encoding; raise it when they change, and all clips are drawn again
NOT_DRAWING = (  # modules that do not change the pixels of a clip
    "__init__", "drawn", "generate", "manifest", "pairs", "pretrain", "raft_card",
    "raft_optimizer", "raft_train",
)  # fmt: skip
ANNOTATION = ("train.csv", "val.csv", "actions.csv", "metadata.csv", "scripts.json")  # files of its folder
_LETTERS = np.array(list("ABCDEFGHIJKLMNOPQRSTUVWXYZ"))


def digest(world: World = KINGDOM, *, also: tuple[str, ...] = ()) -> str:
    """Fingerprint of the code that draws a world: data of another version are drawn again. 16 hex digits.

    It covers the constants and the structure of the code, not comments, docstrings, imports or names: rewording and
    renaming do not change it. It misses a call that changes to a function of the same form: then raise VERSION.
    Modules of other worlds are left out. also: further modules to include, which draw something else.
    """
    others = {module for other in WORLDS.values() for module in other.modules} - set(world.modules)
    sources = sorted(
        path for path in Path(__file__).parent.glob("*.py") if path.stem not in {*NOT_DRAWING, *others} - {*also}
    )
    parts = [_structure(path, (stat := path.stat()).st_size, stat.st_mtime_ns) for path in sources]
    return hashlib.sha256("".join([str(VERSION), *parts]).encode()).hexdigest()[:16]


@lru_cache(maxsize=64)
def _structure(source: Path, size: int, mtime_ns: int) -> str:
    """A module's syntax tree without names, cached until the file changes: keys of true flow need it for every clip."""
    return ast.dump(_Nameless().visit(ast.parse(source.read_text(encoding="utf-8"))))


class _Nameless(ast.NodeTransformer):
    """A syntax tree without docstrings, imports, annotations and names."""

    def generic_visit(self, node: ast.AST) -> ast.AST | None:
        if isinstance(node, ast.Import | ast.ImportFrom):
            return None
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and _is_text(body[0]):
            node.body = body[1:]
        for field in ("annotation", "returns"):
            if hasattr(node, field):
                setattr(node, field, None)
        for field in ("id", "arg", "attr", "name"):
            if isinstance(getattr(node, field, None), str):
                setattr(node, field, "")
        return super().generic_visit(node)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def plan_clip(split: str, index: int, *, world: World = KINGDOM) -> tuple[str, Script, tuple[int, ...], int]:
    """One clip before it is drawn: id, script, annotated labels, the scene's seed; depends on the arguments alone."""
    rng = np.random.default_rng([world.seed, SPLITS.index(split), index])
    species = tuple(world.species) if split == "test" else world.seen
    script = world.write_script(rng, species[index % len(species)])
    labels = world.annotate(script, rng)
    number = index * len(SPLITS) + SPLITS.index(split)  # the last four letters, its source video, are unique
    tail = "".join(_LETTERS[(number // 26**k) % 26] for k in (3, 2, 1, 0))
    return "".join(rng.choice(_LETTERS, 4)) + tail, script, labels, int(rng.integers(2**31))


def chosen(split: str, size: str, *, world: World = KINGDOM) -> list[int]:
    """The numbers of a split's clips: the first ones, then those with a behaviour that still has too few positives.

    The behaviours that are rare in the stories become more frequent in such a split, and the mAP of their clips can be
    measured. A behaviour that the species of a split never show would be searched without end.
    """
    count, least = world.sizes[size][split]
    numbers, positives, index = [], np.zeros(len(world.names), dtype=int), 0
    while index < count or (positives < least).any():
        labels = list(plan_clip(split, index, world=world)[2])
        if index < count or (positives[labels] < least).any():
            numbers.append(index)
            positives[labels] += 1
        index += 1
    return numbers


def generate(root: Path, size: str, *, world: World = KINGDOM, workers: int = 2) -> None:
    """Draw every clip of `size` (demo | smoke | quick | standard) that does not exist yet, then write the annotation.

    The next call continues after an interruption. Data of another generator, seed or world are replaced, and files that
    have changed since are drawn again, with a warning. Raises AmcError for an unknown size and for a folder that
    contains anything else.
    """
    choice("size", size, tuple(world.sizes))
    facts = {"world": world.name, "size": size, "seed": world.seed, "generator": digest(world), "version": VERSION}
    if _is_drawn(root, facts):
        return
    with locks.held(paths.folder(root), log=warnings.warn):
        if not _is_drawn(root, facts):  # by a process that this one has waited for
            _draw_all(root, size, facts, world, workers)


def _is_drawn(root: Path, facts: dict) -> bool:
    known = manifest.read(root)
    return {name: known.get(name) for name in facts} == facts and manifest.is_whole(root, known)


def _draw_all(root: Path, size: str, facts: dict, world: World, workers: int) -> None:
    known = manifest.read(root)
    if {name: known.get(name) for name in facts} != facts:
        _clear(root, world)
    manifest.write(root, facts)
    (root / "video").mkdir(parents=True, exist_ok=True)
    jobs = [(split, index) for split in SPLITS for index in chosen(split, size, world=world)]
    with processes.pool(workers) as pool:
        drawn = pool.map(partial(_draw, root / "video", world), jobs, chunksize=4)
        clips = list(progress(drawn, f"drawing {world.name} {size}", total=len(jobs), unit="clip", log=None))
    _write_annotation(root / "annotation", world, jobs, clips)
    videos = [f"video/{name}.mp4" for name, *_ in clips]
    manifest.write(root, facts, [*videos, *(f"annotation/{name}" for name in ANNOTATION)])


def _clear(root: Path, world: World) -> None:
    """Remove only what an earlier call has drawn; without its manifest, nothing in the folder is known to be ours."""
    others = [path for path in root.iterdir() if path.name != locks.NAME and not paths.is_temporary(path)]
    if others and not (root / manifest.NAME).exists():
        raise AmcError(f"{root}: holds files that are not {world.name}'s; name another folder, or empty this one")
    for folder in (root / "annotation", root / "video"):
        if folder.exists():
            shutil.rmtree(folder)


def _draw(folder: Path, world: World, job: tuple[str, int]) -> tuple[str, Script, tuple[int, ...], int]:
    cv2.setNumThreads(1)
    clip = plan_clip(*job, world=world)
    name, script, _, scene_seed = clip
    if not (folder / f"{name}.mp4").exists():
        stage = scene.compose(script, scene_seed, world=world)
        write_video(folder / f"{name}.mp4", (scene.frame(stage, index) for index in range(stage.num_frames)))
    return clip


def write_video(path: Path, frames: Iterator[np.ndarray], fps: int = FPS) -> None:
    """Encode uint8 (H, W, 3) RGB frames as H.264; one thread and fixed settings, so equal frames give equal bytes."""
    with atomic(path) as temporary, av.open(str(temporary), "w") as container:
        stream = None
        for picture in frames:
            if stream is None:
                stream = container.add_stream(
                    "libx264", rate=fps, options={"preset": "ultrafast", "crf": "18", "threads": "1"}
                )
                stream.height, stream.width, stream.pix_fmt, stream.gop_size = *picture.shape[:2], "yuv420p", 12
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())


def _write_annotation(folder: Path, world: World, jobs: list[tuple[str, int]], clips: list[tuple]) -> None:
    for split, file in (("train", "train.csv"), ("test", "val.csv")):
        rows = [
            (name, k + 1, round(script.seconds * FPS), labels)
            for k, (name, script, labels, _) in enumerate(clips)
            if (jobs[k][0] == "test") == (split == "test")
        ]
        write_frames(folder / file, rows, split)
    actions = [(k, category, name, "") for k, (name, category) in enumerate(world.categories.items())]
    _write_csv(folder / "actions.csv", ("Label", "Category", "Action", "Description"), actions)
    metadata = [
        (name, job[0], ",".join(map(str, labels)), script.species, round(script.seconds * FPS))
        for job, (name, script, labels, _) in zip(jobs, clips, strict=True)
    ]
    _write_csv(folder / "metadata.csv", ("video_id", "type", "labels", "list_animal", "num_frames"), metadata)
    scripts = {name: {**script._asdict(), "seed": seed} for name, script, _, seed in clips}
    paths.write_text(folder / "scripts.json", json.dumps(scripts))


def write_frames(path: Path, clips: Iterable[tuple[str, int, int, tuple[int, ...]]], split: str) -> None:
    """Write clips of (id, number, num_frames, labels), one row per frame numbered from 1, as Animal Kingdom does."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("original_vido_id video_id frame_id path labels type\n")
        for clip, number, num_frames, labels in clips:
            joined = ",".join(map(str, labels))
            file.writelines(
                f"{clip} {number} {frame} {clip}/{clip}_t{frame:06d}.jpg {joined} {split}\n"
                for frame in range(1, num_frames + 1)
            )


def _write_csv(path: Path, header: tuple[str, ...], rows: list[tuple]) -> None:
    with atomic(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *rows])
