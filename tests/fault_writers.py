"""What the commands write, each as one function of a folder: small enough to be killed at every step it takes.

Everything runs in a forked child, so a patch stays there. Slow parts that write nothing are replaced: drawing, figures
and the reading of videos; what names, seals, replaces and continues files is the package's own.
"""

import io
import os
import sys
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

import numpy as np
import torch
from serial import Serial
from torch import nn
from torch.utils.data import Dataset

from amc import train
from amc.base import bundled, checkpoint, paths
from amc.config import SIZES, Training
from amc.datasets import cached, download, videos
from amc.datasets.store import PixelCache
from amc.datasets.table import Clip, ClipTable
from amc.ethogram import exports, files, predict, predictor, sliding_window
from amc.ethogram.options import Options
from amc.ethogram.record import Ethogram
from amc.ethogram.sliding_window import WindowScores
from amc.runs import experiment, results
from amc.synth import generate, manifest, raft_train
from amc.synth.kingdom import KINGDOM
from amc.synth.raft_train import Recipe
from amc.synth.world import Split
from amc.video import VideoInfo

READER = "import sys\nfor line in sys.stdin: print('{\"num_frames\": %s}' % line[-7], flush=True)\n"  # of "…/3.mp4"


class Writer(NamedTuple):
    """One kind of work, and what it leaves."""

    name: str
    act: Callable[[Path], None]
    results: str  # glob of the files that have to be the same bits after a stop and a restart
    prepare: Callable[[Path], object] = lambda folder: None  # its inputs, before anything is disturbed


class Few(Dataset):
    """Two clips of one slot of noise."""

    labels = torch.eye(2)

    def __len__(self) -> int:
        return 2

    def __getitem__(self, key: tuple[int, int]):
        return torch.full((1, 1, 3, 2, 2), 10 * key[1], dtype=torch.uint8), self.labels[key[1]]


class Toy(nn.Module):
    """One linear layer over all pixels."""

    def __init__(self):
        super().__init__()
        torch.manual_seed(0)
        self.layer = nn.Linear(12, 2)

    def forward(self, slots):
        return self.layer(slots.flatten(1).float())

    def parameter_groups(self, lr, *, lr_mult, weight_decay):
        return [{"params": list(self.parameters()), "lr": lr}]


def table(folder: Path) -> ClipTable:
    """Nine clips in all splits, whose videos are a few bytes."""
    clips = []
    for k in range(9):
        path = folder / "given" / f"{k}.mp4"
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            path.write_bytes(bytes([k]) * 50)
        clips.append(Clip(f"c{k}", path, (k % 2,), ("train", "val", "test")[k % 3], 10 + k, "fox"))
    return ClipTable("t", ("x", "y"), tuple(clips))


def draw(folder: Path) -> None:
    generate.processes = SimpleNamespace(pool=Serial)
    picture = np.zeros((16, 16, 3), np.uint8)
    stage = SimpleNamespace(num_frames=3)
    generate.scene = SimpleNamespace(
        compose=lambda script, seed, world: stage, frame=lambda stage, index: picture + 60 * index
    )
    few = replace(KINGDOM, sizes={"smoke": {"train": Split(1), "val": Split(0), "test": Split(1)}})
    generate.generate(folder / "world", "smoke", world=few)
    assert manifest.is_whole(folder / "world", manifest.read(folder / "world"))


def fit(folder: Path) -> None:
    cfg = Training(epochs=2, warm_up=1, batch_size=2, grad_accum_steps=1, lr=1e-3, workers=0)
    toy, rated = Toy(), train.Validation(0.5, 0.5)
    train.fit(toy, Few(), lambda model: rated, cfg, folder=folder / "run", seed=1, log=lambda line: None)
    checkpoint.save(toy, folder / "run" / "model.safetensors", {"names": ["x", "y"]})


def fit_raft(folder: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (2, 1, 3, 128, 128), dtype=np.uint8)
    pair = (*noise, np.ones((1, 2, 128, 128), np.float32))
    first, second, truth = map(torch.from_numpy, pair)
    raft_train.EVERY = 1
    raft_train.pairs = SimpleNamespace(draw=lambda seed, chunk: pair, count=lambda n: 1)
    raft_train.errors = lambda estimate, split: {"noise": (estimate(first, second) - truth).norm(dim=1).numpy()}
    raft_train.train(Recipe(steps=2, updates=1, precision="float32"), folder=folder / "raft", log=lambda line: None)


def score(folder: Path) -> None:
    found = table(folder)
    experiment.load = lambda cfg: found
    experiment.provenance = SimpleNamespace(commit=lambda: "abc")
    for method in ("class frequency", "species prior"):
        cfg = replace(SIZES["smoke"], method=method, pixels=replace(SIZES["smoke"].pixels, modality="rgb"))
        run = experiment.run(cfg)
        assert run.scores("val").names.tolist() == run.scores("test").names.tolist()


def read_by_fake(folder: Path) -> None:
    table(folder)
    (folder / "reader.py").write_text(READER)


def index(folder: Path) -> None:
    videos.COMMAND = [sys.executable, "-S", str(folder / "reader.py")]
    found = list(videos.examine(table(folder), "t", workers=1, log=lambda line: None))
    assert len(found) == 9
    facts = sorted([clip.id, facts.num_frames] for clip, facts in found)
    results.write("facts", {}, [{"facts": facts}], {})


def caches(folder: Path) -> None:
    found = table(folder)
    cached.table("t", [clip.path for clip in found.clips], lambda: found)
    for indices in ([1, 2], [2, 3]):
        pixels = PixelCache(folder / "pixels")
        pixels.get("abc", indices, lambda missing: torch.ones(len(missing), 3, 4, 5), torch.float16)


def records(folder: Path) -> None:
    results.write("03_ablation", {"scheme": "sparse"}, [{"map_macro": 12.5}], {"commit": "ab"})
    bundled.place = lambda name: folder / "weights" / f"{name}.safetensors"
    bundled.write(Toy(), "tiny", {"steps": 12}, meta={})
    bundled.find("tiny")


def export(folder: Path) -> None:
    probs = np.tile(np.array([[0.9, 0.2]]), (20, 1))
    shown = Ethogram("v", "v.mp4", 10.0, np.arange(21) / 10, ("x", "y"), probs, np.full(2, 0.5))
    (folder / "out").mkdir(exist_ok=True)
    exports.write(shown, folder / "out", stem="v")


def predictions(folder: Path) -> None:
    def score(path: Path, *given: object, **options: object) -> WindowScores:
        info = VideoInfo(str(path), 20, 10.0, 8, 8, 2.0, "pyav")
        return WindowScores(info, np.arange(21) / 10, ((0, 20),), np.array([[0.9, 0.2]]), np.zeros((1, 4)))

    sliding_window.sliding_window, predict.WRITE_INTERVAL = score, 0
    predict.provenance = SimpleNamespace(collect=dict)
    undrawn = SimpleNamespace(write=lambda figure, path, text: paths.write_text(path, text))
    files.style, files.keys, files.key_frames = undrawn, SimpleNamespace(frames=lambda *given: {}), dict
    files.drawn = SimpleNamespace(**dict.fromkeys(("ethogram", "time_budget", "transitions"), bool))
    cfg = SIZES["quick"]
    known = {
        "card": {"pretrained": "none"},
        "sha256": "0" * 64,
        "sampling": cfg.sampling,
        "pixels": cfg.pixels,
        "is_softmax": False,
    }
    model = predictor.VideoPredictor(lambda: nn.Linear(1, 1), ("x", "y"), **known, threshold=np.full(2, 0.5))
    given = [clip.path for clip in table(folder).clips[:3]]
    report = predict.predict(given, model, folder / "out", Options(), log=lambda line: None)
    assert (len(report.done), report.failed) == (3, [])


def pack(folder: Path) -> None:
    with tarfile.open(folder / "a.tar", "w") as file:
        for k in range(3):
            member = tarfile.TarInfo(f"{k}.mp4")
            member.size = 5000
            file.addfile(member, io.BytesIO(bytes([k]) * 5000))


def unpack(folder: Path) -> None:
    download.unpack(folder / "a.tar", folder / "unpacked")


WRITERS = (
    Writer("a drawn world", draw, "world/**/*"),
    Writer("training and its model", fit, "run/*.safetensors"),
    Writer("training of RAFT", fit_raft, f"raft/{raft_train.BEST}"),
    Writer("score files of runs", score, "cache/runs/*/*.npz", table),
    Writer("the index of videos", index, "reports/results/*", read_by_fake),
    Writer("tables and pixels in the cache", caches, "pixels/**/*", table),
    Writer("records, weights and their cards", records, "[rw]*/**/*"),
    Writer("exports of an ethogram", export, "out/*"),
    Writer("a folder of predictions", predictions, "out/*.[ct]sv", table),
    Writer("an unpacked archive", unpack, "unpacked/*", pack),
)


def enter(folder: Path) -> None:
    """Make `folder` the place of cache and reports of this process."""
    os.environ |= {"AMC_CACHE": str(folder / "cache"), "AMC_REPORTS": str(folder / "reports")}
    torch.set_num_threads(1)


def content(folder: Path, writer: Writer) -> dict[str, bytes]:
    """The results of a writer, by path."""
    files = sorted(path for path in folder.glob(writer.results) if path.is_file() and path.name[0] != ".")
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}
