"""What a generated data set knows about its clips besides pixels: scripts and exact flow, by clip id."""

import csv
import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

import numpy as np

from amc.base import paths
from amc.base.digests import identity
from amc.base.errors import AmcError
from amc.synth import generate, manifest, scene
from amc.synth.scripts import truth
from amc.synth.world import Event, Script, World

SCRIPTS = "annotation/scripts.json"


@dataclass(frozen=True)
class Drawn:
    """The data set that `generate` wrote to the folder `root`. Raises AmcError if there is none."""

    root: Path
    has_animals: bool = True  # False: what is known of its clips as they would be without their animals

    @property
    def world(self) -> World:
        """The world of the data set."""
        name = manifest.read(self.root).get("world")
        if name not in generate.WORLDS:
            known = ", ".join(generate.WORLDS)
            raise AmcError(f"{self.root}: holds none of the generated worlds ({known}); name the folder of one")
        return generate.WORLDS[name]

    def splits(self) -> dict[str, str]:
        """The split of each clip, train | val | test, by its id."""
        with manifest.check(self.root, "annotation/metadata.csv").open(newline="", encoding="utf-8") as file:
            return {row["video_id"]: row["type"] for row in csv.DictReader(file)}

    def script(self, clip_id: str) -> Script:
        """The script of a clip: what truly happens in it."""
        return self._known(clip_id)[0]

    def truth(self, clip_id: str) -> np.ndarray:
        """Which behaviours of its world happen in each frame of a clip: bool (N, C)."""
        return truth(self.script(clip_id), names=self.world.names)

    def true_flow(self, clip_id: str, pairs: list[tuple[int, int]]) -> np.ndarray:
        """Exact flow of frame pairs of a clip, from its script: float32 (P, 2, 128, 128), pixels per pair."""
        stage = self._scene(clip_id)
        return np.stack([scene.flow(stage, first, second) for first, second in pairs])

    def animals(self, clip_id: str, indices: Sequence[int]) -> np.ndarray:
        """Where an animal is visible in frames of a clip: bool (P, 128, 128)."""
        stage = self._scene(clip_id)
        parts = np.stack([scene.owner(stage, index) for index in indices])
        return (parts >= 0) & (parts < stage.num_animal_parts)

    def without_animals(self) -> "Drawn":
        """The same data set without its animals; `background` gives its videos."""
        return replace(self, has_animals=False)

    def background(self, clip_id: str) -> Path:
        """A video of the clip drawn again without its animals, in AMC_CACHE; everything else is the same.

        Script, seed, camera, background, foreground, noise and encoding do not change (PanAf-FGBG, Brookes et al.,
        CVPR 2025, pairs each real clip with a video of its empty background).
        """
        path = paths.cache() / "backgrounds" / generate.digest(self.world) / f"{clip_id}.mp4"
        if not manifest.is_kept(path):
            stage = self.without_animals()._scene(clip_id)
            generate.write_video(path, (scene.frame(stage, index) for index in range(stage.num_frames)))
            manifest.keep(path)
        return path

    def _scene(self, clip_id: str) -> scene.Scene:
        stage = scene.compose(*self._known(clip_id), world=self.world)
        return stage if self.has_animals else scene.without_animals(stage)

    def _known(self, clip_id: str) -> tuple[Script, int]:
        """Script and scene seed of a clip."""
        known = _scripts(self.root, _state(self.root / SCRIPTS), _state(self.root / manifest.NAME))
        if clip_id not in known:
            raise AmcError(f"{clip_id}: is no clip of the generated world in {self.root}; only its own have a truth")
        return known[clip_id]


def _state(path: Path) -> tuple[int, ...]:
    return identity(path) if path.exists() else ()


@lru_cache(maxsize=4)
def _scripts(root: Path, state: tuple[int, ...], checked: tuple[int, ...]) -> dict[str, tuple[Script, int]]:
    """Scripts and scene seeds by clip id, read again when a state of the file or of the manifest is another."""
    table = json.loads(manifest.check(root, SCRIPTS).read_text(encoding="utf-8"))
    return {name: (_script(fields), fields["seed"]) for name, fields in table.items()}


def _script(fields: dict) -> Script:
    kept = {name: fields[name] for name in Script._fields}
    return Script(**kept | {"events": tuple(Event(*event) for event in fields["events"])})


def is_drawn(video: Path) -> bool:
    """Whether a video was drawn from a generated world: a clip of a data set, or a film in the cache."""
    video = video.resolve()
    is_clip = video.parent.name == "video" and (video.parents[1] / manifest.NAME).is_file()
    return is_clip or video.is_relative_to(paths.cache() / "films")
