"""Whatever happens to stored runs and their data, what is returned is what an undisturbed run would give."""

import os
import random
import shutil
import struct
import tempfile
from dataclasses import replace
from pathlib import Path

import faults
import numpy as np
import torch
from fault_writers import Toy, Writer, table
from hypothesis import HealthCheck, settings
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from hypothesis.strategies import booleans, integers

from amc.base import checkpoint, digests
from amc.config import SIZES
from amc.runs import experiment
from amc.runs.lookup import MODEL
from amc.scores import Scores

EPOCHS = 2


def value(seed: int, lr: float, contents: list[bytes]) -> float:
    """What an undisturbed training gives for a seed, a rate and the contents of the videos."""
    found = 0.0
    for _ in range(EPOCHS):
        found = found / 2 + lr * (seed + 1) * sum(content[0] for content in contents)
    return found


def compute(cfg, found, folder, log, device) -> None:
    """In place of a training: continues from its checkpoint, and leaves a model and both score files."""
    try:
        state = checkpoint.load_state(folder / checkpoint.LAST)
    except (OSError, ValueError):
        state = {"epoch": 0, "value": 0.0}
    contents = [clip.path.read_bytes() for clip in found.clips]
    for epoch in range(state["epoch"], EPOCHS):
        added = cfg.training.lr * (cfg.seed + 1) * sum(content[0] for content in contents)
        state = {"epoch": epoch + 1, "value": state["value"] / 2 + added}
        checkpoint.save_state(folder / checkpoint.LAST, state)
    checkpoint.save(Toy(), folder / MODEL, {})
    names, labels = np.array(["x", "y"]), np.eye(2, dtype=bool)
    for split in ("val", "test"):
        logits = np.full((2, 1, 2), state["value"], np.float32)
        frames = np.zeros((2, 1, 1), np.int32)
        Scores(np.array(["a", "b"]), names, labels, logits, frames, np.full(2, 9, np.int32), np.array(["", ""])).save(
            folder / f"{split}.npz"
        )


class RunStore(RuleBasedStateMachine):
    """Runs of three seeds and two rates over nine videos, in one cache."""

    @initialize()
    def begin(self):
        self.folder, self.lr = Path(tempfile.mkdtemp()), 1.0
        self.videos = [clip.path for clip in table(self.folder).clips]

    def teardown(self):
        shutil.rmtree(self.folder)

    def child(self, seed: int, before=None, descriptor: int | None = None) -> int:
        def act(folder: Path) -> None:
            found = table(folder)
            experiment.load, experiment._compute, digests.SETTLED = (lambda cfg: found), compute, 0
            training = replace(SIZES["smoke"].training, lr=self.lr)
            run = experiment.run(replace(SIZES["smoke"], seed=seed, training=training), log=lambda line: None)
            if descriptor is not None:
                os.write(descriptor, struct.pack("d", run.scores("test").logits[0, 0, 0]))

        return faults.child(Writer("", act, ""), self.folder, before)

    def expected(self, seed: int) -> float:
        return value(seed, self.lr, [path.read_bytes() for path in self.videos])

    @rule(seed=integers(0, 2), is_double=booleans())
    def run(self, seed, is_double):
        read, write = os.pipe()
        children = [self.child(seed, descriptor=write) for _ in range(1 + is_double)]
        assert [faults.status_of(child) for child in children] == [0] * len(children)
        found = struct.unpack("d" * len(children), os.read(read, 8 * len(children)))
        assert set(found) == {self.expected(seed)}
        for descriptor in (read, write):
            os.close(descriptor)

    @rule(seed=integers(0, 2), step=integers(1, 12))
    def kill(self, seed, step):
        steps = {"open": 0, "rename": 0, "fsync": 0}
        faults.status_of(self.child(seed, faults.kill_at(steps, "fsync", step)))

    @rule(number=integers(0, 8), content=integers(0, 255))
    def edit_data(self, number, content):
        """Another content of the same size, below the same time of modification."""
        path, before = self.videos[number], self.videos[number].stat()
        path.write_bytes(bytes([content]) * 50)
        os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    @rule(is_other=booleans())
    def edit_configuration(self, is_other):
        self.lr = 2.0 if is_other else 1.0

    @rule(seed=integers(0, 1000))
    def flip(self, seed):
        rng, files = random.Random(seed), sorted((self.folder / "cache").rglob("*.*"))
        if files := [path for path in files if path.is_file()]:
            path = rng.choice(files)
            data = bytearray(path.read_bytes())
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
            path.write_bytes(data)


torch.set_num_threads(1)
TestRunStore = RunStore.TestCase
TestRunStore.settings = settings(
    max_examples=settings().max_examples // 50, stateful_step_count=8, suppress_health_check=[HealthCheck.too_slow]
)
